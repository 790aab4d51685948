"""Stills, and what a cell that is run again lets go of, in the kernels people have."""

from __future__ import annotations

VIEW = "application/vnd.jupyter.widget-view+json"


def test_a_still_is_shown_beside_the_view_and_brought_up_to_date_as_the_run_ends(kernel, setup):
    del kernel.shown_data[:]
    kernel.do(setup + "studio = widget()\nstudio")
    (_, still), (_, view) = kernel.shown_data
    assert "dusk falls" in still["text/html"]
    assert "<img" not in still["text/html"]
    assert view["text/html"] == ""
    assert view["text/plain"] == "<FramesToVideo 'dusk falls': idle>"
    assert view[VIEW]["model_id"] in kernel.models
    kernel.do("clips = await studio.generate()")
    kernel.until(lambda: kernel.shown_data[-1][0] == "update_display_data")
    assert kernel.shown_data[-1][1]["text/html"].count("data:image/jpeg;base64,") == 1


def test_a_clip_is_a_still_and_a_view_and_its_bytes_only_when_they_are_asked_for(kernel, setup):
    kernel.do(setup + "clips = run(shot())")
    del kernel.shown_data[:]
    kernel.do("clips[0]")
    (_, still), (_, view) = kernel.shown_data
    assert still["text/html"].count("data:image/jpeg;base64,") == 1
    assert VIEW in view
    del kernel.shown_data[:]
    kernel.do("clips[0].show(embed=True)")
    ((_, embedded),) = kernel.shown_data
    assert embedded["text/html"].index("The video itself is in this output") < embedded["text/html"].index(
        "<video"
    )
    assert "data:video/mp4;base64," in embedded["text/html"]


def test_a_cell_that_is_run_again_closes_what_it_showed_and_a_later_display_brings_it_back(kernel, setup):
    del kernel.shown_data[:]
    kernel.do(setup + "studio = widget()\nstudio", cell_id="a")
    name = kernel.shown_data[-1][1][VIEW]["model_id"]
    layout = kernel.models[name].state["layout"].removeprefix("IPY_MODEL_")
    kernel.do("1", cell_id="a")
    kernel.until(lambda: {name, layout} <= kernel.closed)
    del kernel.models[name]
    kernel.do("studio", cell_id="b")
    assert kernel.shown_data[-1][1][VIEW]["model_id"] == name
    assert kernel.models[name].state["prompt"] == "dusk falls"
    kernel.say(kernel.models[name], type="hello", view="tab")
    kernel.until(lambda: {"type": "beat"} in kernel.models[name].said)
    kernel.closed.clear()
    kernel.do("1", cell_id="b")
    kernel.do("import asyncio; await asyncio.sleep(0.3)")
    assert name not in kernel.closed  # a page still shows it
    kernel.say(kernel.models[name], type="bye", view="tab")
    kernel.until(lambda: {name, layout} <= kernel.closed)
