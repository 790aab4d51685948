"""The bytes that leave: what arrives at a plain socket is the documented request, field by field."""

from __future__ import annotations

import email.parser
import email.policy
import json
import socket
import threading

import pytest

from ipyveo import VeoClient

KEY = "eyJhbGciOiJub25lIn0.wire-test.signature"
EVENTS = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    b'event: video_generation_complete\ndata: [{"id":"a","prompt":"p","file_url":"https://example.com/1.mp4"}]\n\n'
)


class PlainServer:
    """A socket that takes whole requests, keeps their bytes, and answers as told."""

    def __init__(self, answer: bytes) -> None:
        self.requests: list[bytes] = []
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/api/v1"

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line:
                self.requests.append(self._read(line))
                line.sendall(self._answer)

    @staticmethod
    def _read(line: socket.socket) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            data += line.recv(65536)
        head = data.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
        length = next((int(x.split(":")[1]) for x in head.split("\r\n") if x.startswith("content-length")), 0)
        while len(data.partition(b"\r\n\r\n")[2]) < length:
            data += line.recv(65536)
        return data

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@pytest.fixture
def server():
    server = PlainServer(EVENTS)
    yield server
    server.close()


def parsed(request: bytes):
    """Split a request by the standard library's own parsers, not by the client's."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, _, headers = head.partition(b"\r\n")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(headers + b"\r\n\r\n" + body)
    return first.decode(), message, body


def fields(message):
    parts = list(message.iter_parts())
    by_name = {part.get_param("name", header="content-disposition"): part for part in parts}
    assert len(by_name) == len(parts), "a field was sent twice"
    return by_name


async def test_frames_to_video_is_sent_as_documented(server, pictures):
    client = VeoClient(KEY, server.url)
    videos = await client.frames_to_video(
        *pictures, prompt="Một con mèo — dusk\nfalls", aspect_ratio="9:16", number_of_videos=2
    )
    assert [video.file_url for video in videos] == ["https://example.com/1.mp4"]
    (request,) = server.requests
    first, message, _ = parsed(request)
    assert first == "POST /api/v1/veo/frames-to-video HTTP/1.1"
    assert message["authorization"] == f"Bearer {KEY}"
    assert message["user-agent"].startswith("ipyveo/")
    assert message.get_content_type() == "multipart/form-data"
    parts = fields(message)
    assert set(parts) == {"start_image", "end_image", "prompt", "aspect_ratio", "number_of_videos"}
    assert parts["prompt"].get_payload(decode=True).decode() == "Một con mèo — dusk\nfalls"
    assert parts["aspect_ratio"].get_payload() == "VIDEO_ASPECT_RATIO_PORTRAIT"
    assert parts["number_of_videos"].get_payload() == "2"
    for name in ("start_image", "end_image"):
        assert parts[name].get_content_type() == "image/png"
        assert parts[name].get_filename().endswith(".png")
        assert parts[name].get_payload(decode=True).startswith(b"\x89PNG\r\n")


async def test_a_request_without_an_end_picture_has_no_such_field(server, pictures):
    await VeoClient(KEY, server.url).frames_to_video(pictures[0], prompt="dusk")
    _, message, _ = parsed(server.requests[0])
    parts = fields(message)
    assert set(parts) == {"start_image", "prompt", "aspect_ratio", "number_of_videos"}
    assert parts["aspect_ratio"].get_payload() == "VIDEO_ASPECT_RATIO_LANDSCAPE"
    assert parts["number_of_videos"].get_payload() == "1"


async def test_the_readers_own_file_name_is_not_sent(server, pictures, tmp_path):
    private = tmp_path / "holiday with Ana, 4 Elm Street.png"
    private.write_bytes(pictures[0].read_bytes())
    await VeoClient(KEY, server.url).frames_to_video(private, prompt="dusk")
    assert b"Elm Street" not in server.requests[0]


async def test_text_to_video_sends_json_with_the_count_as_a_number(server):
    await VeoClient(KEY, server.url).text_to_video(prompt="dusk", aspect_ratio="9:16", number_of_videos=3)
    first, message, body = parsed(server.requests[0])
    assert first == "POST /api/v1/veo/text-to-video HTTP/1.1"
    assert message.get_content_type() == "application/json"
    assert json.loads(body) == {
        "prompt": "dusk",
        "aspect_ratio": "VIDEO_ASPECT_RATIO_PORTRAIT",
        "number_of_videos": 3,
    }


async def test_ingredients_to_video_repeats_the_field_for_each_picture(server, pictures):
    await VeoClient(KEY, server.url).ingredients_to_video([*pictures], prompt="dusk", number_of_videos=2)
    first, message, _ = parsed(server.requests[0])
    assert first == "POST /api/v1/veo/ingredients-to-video HTTP/1.1"
    names = [part.get_param("name", header="content-disposition") for part in message.iter_parts()]
    assert sorted(names) == ["number_of_videos", "prompt", "reference_images", "reference_images"]
    texts = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.iter_parts()
    }
    assert (texts["prompt"], texts["number_of_videos"]) == (b"dusk", b"2")


async def test_a_photograph_is_sent_as_the_jpeg_that_it_is(server, tmp_path):
    from PIL import Image

    path = tmp_path / "photo.png"  # the name lies, the bytes do not
    Image.effect_noise((640, 360), 80).convert("RGB").save(path, "JPEG")
    await VeoClient(KEY, server.url).frames_to_video(path, prompt="dusk")
    part = fields(parsed(server.requests[0])[1])["start_image"]
    assert part.get_content_type() == "image/jpeg"
    assert part.get_filename() == "start.jpg"
    assert part.get_payload(decode=True).startswith(b"\xff\xd8\xff")


async def test_a_pasted_bearer_and_blanks_around_the_key_are_removed(server):
    await VeoClient(f"  Bearer {KEY}\n", server.url).text_to_video(prompt="dusk")
    _, message, _ = parsed(server.requests[0])
    assert message["authorization"] == f"Bearer {KEY}"


async def test_histories_asks_for_the_page_it_was_told(server):
    with pytest.raises(Exception, match="cannot be read"):  # this server speaks only of videos
        await VeoClient(KEY, server.url).histories(page=3, page_size=50)
    first, message, _ = parsed(server.requests[0])
    assert first == "GET /api/v1/veo/histories?page=3&page_size=50 HTTP/1.1"
    assert message["authorization"] == f"Bearer {KEY}"
