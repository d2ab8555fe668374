"""Ten readers at once, over the websocket that browsers use: each gets the answer to what they asked."""

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Self

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

import core
from core.analysis.trace.trace import Trace
from core.config import KINDS
from tests.checkpoints import write_checkpoint
from tests.e2e.conftest import Server, start_server
from tests.e2e.reader import Reader

pytestmark = pytest.mark.e2e

N_READERS = 10
MODELS = {"small": {}, "one": {"n_heads": 1}, "many": {"n_encoder_layers": 3, "n_heads": 16}}
WORDS = ["man", "woman", "child", "dog", "cat", "house", "ball", "garden", "tree", "car"]


class TypingReader(Reader):
    """A reader who types a sentence, and reads the translation that is played."""

    def __enter__(self) -> Self:
        self.widgets: dict[str, str] = {}  # label -> id
        self.answer = b""
        super().__enter__()
        return self

    def translate(self, text: str) -> None:
        """Type a sentence and press the button."""
        message = BackMsg()
        states = message.rerun_script.widget_states.widgets
        states.add(id=self.widgets["English sentence"], string_value=text)
        states.add(id=self.widgets["Translate"], trigger_value=True)
        self.ask(message)

    def take(self, element: Element) -> None:
        super().take(element)
        kind = element.WhichOneof("type")
        if kind in ("text_input", "button"):
            of_kind = getattr(element, kind)
            self.widgets[of_kind.label] = of_kind.id
        if kind == "bidi_component":
            component = element.bidi_component
            if component.component_name == "translation_stepper":
                self.answer = component.bytes


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, shape in MODELS.items():
        write_checkpoint(folder / name, metrics={"languages": ["English", "German"]}, **shape)
    return folder


@pytest.fixture
def busy_server(checkpoints: Path, tmp_path: Path) -> Iterator[Server]:
    process, server = start_server(
        tmp_path / "log", options=("--", "--checkpoints", str(checkpoints))
    )
    yield server
    process.terminate()
    process.wait(10)
    assert "Traceback" not in server.log.read_text()


def links() -> list[dict[str, str]]:
    """Ten sentences, three models, every second one with a beginning of its own."""
    return [
        {
            "text": f"The old {word} sees a red house.",
            "model": list(MODELS)[number % len(MODELS)],
            **({"prefix": f"{300 + number}.{310 + number}"} if number % 2 else {}),
        }
        for number, word in enumerate(WORDS)
    ]


def expect_answer(answer: bytes, alone: Trace) -> None:
    """What a reader got is what the model says when nobody else asks."""
    n = int.from_bytes(answer[:4], "little")
    header, levels = json.loads(answer[4 : 4 + n]), np.frombuffer(answer[4 + n :], "<u2")
    assert [step["id"] for step in header["steps"]] == [p.id for p in alone.target.pieces]
    expected = [np.exp(step.log_probability_nats) for step in alone.steps]
    assert np.allclose([step["probability"] for step in header["steps"]], expected, atol=1e-5)
    own = np.concatenate([alone.weights[kind].ravel() for kind in KINDS])
    assert own.shape == levels.shape
    assert np.abs(own - levels / 65_535).max() < 1e-4


def test_ten_readers_at_once_each_get_their_own_answer(
    busy_server: Server, checkpoints: Path
) -> None:
    start = Barrier(N_READERS, timeout=300)  # a reader who fails keeps nobody waiting for ever

    def visit(link: dict[str, str]) -> tuple[bytes, bytes]:
        with TypingReader(busy_server.url, link) as reader:
            start.wait()
            reader.open()
            first = reader.answer
            start.wait()
            reader.translate(link["text"].replace("red", "blue"))
            return first, reader.answer

    with ThreadPoolExecutor(N_READERS) as pool:
        answers = list(pool.map(visit, links()))

    models = {name: core.load(checkpoints / name) for name in MODELS}
    for link, (first, second) in zip(links(), answers, strict=True):
        prefix = tuple(int(id_) for id_ in link.get("prefix", "").split(".") if id_)
        model = models[link["model"]]
        expect_answer(first, model.trace(link["text"], prefix=prefix))
        expect_answer(second, model.trace(link["text"].replace("red", "blue")))


def test_what_a_reader_was_shown_tells_sentences_apart(server: Server) -> None:
    """Or else a comparison of visitors could not fail."""

    def shown(text: str, largest_read: float = math.inf) -> list[bytes]:
        with Reader(server.url, {"text": text}, largest_read=largest_read) as reader:
            reader.open()
            return reader.shown()

    shown("A dog runs.")  # whatever is told of the first visitor alone
    dog = shown("A dog runs.")
    assert any(b"Translate" in part for part in dog)
    assert any(b"Hund" in part for part in dog)
    assert shown("A dog runs.") == dog
    assert shown("A dog runs.", largest_read=1_000) == dog, "whatever is read late"
    assert shown("A cat sleeps.") != dog


def test_what_stood_in_a_container_goes_with_it() -> None:
    """Such as the bar that the first who measures a text sees."""
    reader = Reader("http://nowhere", {})
    bar, empty = ForwardMsg(), ForwardMsg()
    bar.metadata.delta_path[:] = [0, 2, 0]
    bar.delta.new_element.progress.text = "25 of 32 sentences"
    empty.metadata.delta_path[:] = [0, 2]
    empty.delta.new_element.empty.SetInParent()
    reader._unread += [bar.SerializeToString()]
    assert any(b"25 of 32" in part for part in reader.shown())
    reader._unread += [empty.SerializeToString()]
    assert reader.shown() == []
