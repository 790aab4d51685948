"""The notebook's face: the widget, its page, and the way of pictures and clips between page and kernel."""
