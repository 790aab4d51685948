"""The local engine: pictures and camera words become real H.264 on this machine, never to pass for Veo."""
