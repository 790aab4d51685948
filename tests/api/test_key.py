"""The key: found where people keep it, and never shown."""

from __future__ import annotations

import logging
import pickle
import sys
import types

import pytest

from ipyveo import AuthenticationError, VeoClient
from ipyveo.api.key import ApiKey, find_key

KEY = "sk-test-0123456789abcdef"


def test_the_argument_comes_before_the_environment_and_that_before_colab(monkeypatch):
    colab = types.ModuleType("google.colab")
    colab.userdata = types.SimpleNamespace(get={"GENAIPRO_API_KEY": "from-colab"}.get)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    assert find_key().bearer() == "Bearer from-colab"
    monkeypatch.setenv("GENAIPRO_API_KEY", "from-environment")
    assert find_key().bearer() == "Bearer from-environment"
    assert find_key("from-argument").bearer() == "Bearer from-argument"


def test_without_a_key_a_client_says_what_to_do():
    with pytest.raises(AuthenticationError, match=r"GENAIPRO_API_KEY.*sandbox"):
        VeoClient()


@pytest.mark.parametrize("text", ["", "   ", "Bearer ", "line\nbreak", "nul\0byte", "\ud800half"])
def test_only_an_empty_key_or_one_that_no_header_can_carry_is_refused(text):
    with pytest.raises(AuthenticationError) as caught:
        ApiKey(text)
    assert "sent" in str(caught.value)
    assert "half" not in str(caught.value)


@pytest.mark.parametrize("text", ["x", "a b c", "ключ", "eyJhbGciOi.J9.x-_"])
def test_any_other_key_is_the_services_business(text):
    assert ApiKey(text).bearer() == f"Bearer {text}"


def test_a_key_shows_nowhere_and_a_pickle_loses_it(caplog):
    client = VeoClient(KEY, "http://127.0.0.1:9")
    with caplog.at_level(logging.DEBUG):
        texts = [repr(client), str(vars(client)), repr(ApiKey(KEY)), f"{ApiKey(KEY)}", caplog.text]
    assert not [text for text in texts if KEY in text]
    pickled = pickle.dumps(client)
    assert KEY.encode() not in pickled
    revived = pickle.loads(pickled)
    assert revived.base_url == client.base_url
    with pytest.raises(AuthenticationError, match="pickle"):
        revived._find_endpoint().key.bearer()


def test_a_key_that_comes_back_in_the_services_words_is_blotted_out():
    assert ApiKey(KEY).redact(f"bad token {KEY}!") == "bad token [key]!"
