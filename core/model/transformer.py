"""Section 3.1: the encoder, the decoder, and the whole model (Figure 1)."""

import torch
from torch import Tensor, nn

from core.config import Kind, ModelConfig
from core.model.attention import MultiHeadAttention, causal, not_padding
from core.model.decoder_state import Decoded, DecoderState, Memory, StepDecoder
from core.model.embedding import EmbeddedTokens, Embedding
from core.model.encoded_once import reused
from core.model.feedforward import FeedForward
from core.model.inference import BareDecoder, BareEncoder
from core.model.layers import AddAndNorm, DecoderLayer, EncoderLayer
from core.model.shapes import Examples, Logits, SourceIds, Stream, TargetIds, Vectors, Visible
from core.model.taps import inference_taps_suffice, placed

NEVER = -1e9
"""The score of a token that probabilities leave out: e to it is 0, and sums with it stay numbers."""


class Encoder(nn.Module):
    def __init__(self, *, layers: list[EncoderLayer], p_dropout: float) -> None:
        super().__init__()
        self.embedding = EmbeddedTokens(p_dropout=p_dropout)
        self.layers = nn.ModuleList(layers)

    def forward(self, table: Embedding, ids: SourceIds, visible: Visible) -> Stream:
        stream: Tensor = self.embedding(table, ids, first=0)
        for layer in self.layers:
            stream = layer(stream, visible)
        return stream


class Decoder(nn.Module):
    def __init__(self, *, layers: list[DecoderLayer], p_dropout: float) -> None:
        super().__init__()
        self.embedding = EmbeddedTokens(p_dropout=p_dropout)
        self.layers = nn.ModuleList(layers)

    def start(self, memory: Memory) -> DecoderState:
        layers = tuple(layer.start(memory.stream) for layer in self.layers)  # type: ignore[operator]
        return DecoderState(layers, memory.visible, memory.examples)

    def forward(self, table: Embedding, ids: TargetIds, state: DecoderState) -> Decoded:
        n_new = ids.shape[1]
        visible = causal(n_new, state.n_past + n_new, ids.device)
        stream: Tensor = self.embedding(table, ids, first=state.n_past)
        layers = []
        for layer, layer_state in zip(self.layers, state.layers, strict=True):
            step = layer(stream, layer_state, visible, state.cross_visible)
            stream = step.stream
            layers.append(step.state)
        return Decoded(stream, state.after(layers, n_new))


class Transformer(nn.Module):
    """The encoder-decoder model of the paper: ids in, logits out.

    Differs from the paper: the source may have an embedding table of its own.
    """

    def __init__(
        self,
        *,
        embedding: Embedding,
        source_embedding: Embedding | None,
        encoder: Encoder,
        decoder: Decoder,
        config: ModelConfig,
    ) -> None:
        super().__init__()
        self.left_out: Tensor
        self.config = config
        self.embedding = embedding
        self.source_embedding = source_embedding
        self.encoder = encoder
        self.decoder = decoder
        left_out = sorted(config.banned_ids) if config.renormalises else []
        self.register_buffer("left_out", torch.tensor(left_out, dtype=torch.long), persistent=False)

    def encode(self, source: SourceIds, examples: Examples | None = None) -> Memory:
        """Run the encoder; nothing attends to padding (`config.pad_id`).

        Args:
            examples: the example of each row, if the batch is part of a larger one or repeats an
                example; by default, row b is example b.
        """
        if examples is None:
            examples = torch.arange(len(source), device=source.device)
        encoded = reused()
        if encoded is not None:
            return encoded.memory(source, examples, self._encode)
        return self._encode(source, examples)

    def _encode(self, source: SourceIds, examples: Examples) -> Memory:
        visible = not_padding(source, self.config.pad_id)
        with placed(examples, first=0):
            is_bare = self._may_be_bare(visible) and not self.config.n_fixed_heads
            encoder = (
                BareEncoder.of(self.encoder.embedding, self.encoder.layers)
                if is_bare
                else self.encoder
            )
            table = self.source_embedding or self.embedding
            return Memory(encoder(table, source, visible), visible, examples)

    def first_tokens(self, source: SourceIds) -> TargetIds:
        """The token that the decoder starts from, for each source: B 1."""
        ids = self.config
        first = source.new_full((len(source), 1), ids.start_id)
        if ids.retry_id is None:
            return first
        is_retry = torch.eq(source, ids.separator_id or 0).any(1, keepdim=True)
        return first.masked_fill(is_retry, ids.retry_id)

    def start(self, memory: Memory) -> DecoderState:
        """The state before the first step; keys and values of the source are computed here, once."""
        with placed(memory.examples, first=0):
            decoder: StepDecoder = self.decoder
            if self._may_be_bare(memory.visible):
                decoder = BareDecoder.of(
                    self.decoder.embedding, self.decoder.layers, memory.visible
                )
            return decoder.start(memory)

    def decode(self, target: TargetIds, state: DecoderState) -> Decoded:
        """Consume the next target tokens (one, or many at once) after those in `state`."""
        decoder: StepDecoder = self.decoder
        if state.bare and inference_taps_suffice() and not torch.is_grad_enabled():
            decoder = state.bare
        with placed(state.examples, first=state.n_past):
            return decoder(self.embedding, target, state)

    def _may_be_bare(self, visible: Visible) -> bool:
        """Whether the operations of `core.model.inference` are enough for a pass.

        A query with no visible key is left to the modules, which give it weights of zero.
        """
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            return False
        return inference_taps_suffice() and bool(visible.any(dim=-1).all())

    def logits(self, stream: Vectors) -> Logits:
        """Scores over the vocabulary, before the softmax (section 3.4).

        Differs from the paper: where a model renormalises, tokens that are never written score
        `NEVER`.
        """
        scores = self.embedding.logits(stream)
        return scores.index_fill(-1, self.left_out, NEVER) if self.config.renormalises else scores

    def forward(self, source: SourceIds, target: TargetIds) -> Logits:
        """Teacher-forced logits: row t is what the model expects after target tokens 0..t.

        Padding of `target` must stand at its end; the rows there are meaningless.
        """
        state = self.start(self.encode(source))
        return self.logits(self.decode(target, state).stream)


def build(config: ModelConfig) -> Transformer:
    """Make the model a configuration describes, with fresh weights from torch's global generator.

    Matrices are Xavier-uniform, embeddings (and learned positions) normal with standard deviation
    d_model^-0.5, so that scaled embeddings have unit variance; biases zero. The last matrix of each
    sub-layer is divided by the square root of the number of sub-layers in its stack: with
    post-norm, the loss of a deep stack otherwise stays on a plateau for many epochs
    (docs/decisions/0003). The paper states no initialisation.
    """

    def attention(n_fixed: int = 0) -> MultiHeadAttention:
        return MultiHeadAttention(
            d_model=config.d_model,
            n_heads=config.n_heads,
            d_k=config.d_k,
            d_v=config.d_v,
            bias=config.attention_bias,
            n_fixed=n_fixed,
        )

    def feed_forward() -> FeedForward:
        return FeedForward(d_model=config.d_model, d_ff=config.d_ff, activation=config.activation)

    def norm() -> AddAndNorm:
        return AddAndNorm(
            d_model=config.d_model, p_dropout=config.p_dropout, epsilon=config.layer_norm_epsilon
        )

    encoder_layers = [
        EncoderLayer(
            self_attention=attention(config.n_fixed_heads),
            feed_forward=feed_forward(),
            norms=(norm(), norm()),
        )
        for _ in range(config.n_encoder_layers)
    ]
    decoder_layers = [
        DecoderLayer(
            self_attention=attention(),
            cross_attention=attention(),
            feed_forward=feed_forward(),
            norms=(norm(), norm(), norm()),
        )
        for _ in range(config.n_decoder_layers)
    ]

    def table(vocabulary_size: int, *, output_bias: bool) -> Embedding:
        return Embedding(
            vocabulary_size=vocabulary_size,
            d_model=config.d_model,
            positions=config.positions,
            max_positions=config.max_positions,
            output_bias=output_bias,
            separator_id=config.separator_id,
        )

    own = config.source_vocabulary_size
    model = Transformer(
        embedding=table(config.vocabulary_size, output_bias=config.output_bias),
        source_embedding=table(own, output_bias=False) if own else None,
        encoder=Encoder(layers=encoder_layers, p_dropout=config.p_dropout),
        decoder=Decoder(layers=decoder_layers, p_dropout=config.p_dropout),
        config=config,
    )
    _initialise(model)
    return model


def _initialise(model: Transformer) -> None:
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for stack, n_sublayers in ((model.encoder, 2), (model.decoder, 3)):
        gain = (n_sublayers * len(stack.layers)) ** -0.5
        for name, weight in stack.named_parameters():
            if name.endswith(("output_projection.weight", "feed_forward.outer.weight")):
                weight.data.mul_(gain)
    for embedding in (model.embedding, model.source_embedding):
        for table in (embedding.weight, embedding.positions) if embedding else ():
            if isinstance(table, nn.Parameter):
                nn.init.normal_(table, std=model.config.d_model**-0.5)


_PLACES = {
    "encoder": "encoder.layers.{}.self_attention",
    "decoder": "decoder.layers.{}.self_attention",
    "cross": "decoder.layers.{}.cross_attention",
}


def attention_tap(kind: Kind, layer: int | str, tensor: str = "weights") -> str:
    """The name of a tap inside one attention; `layer` counts from 0, or is `*`."""
    return f"{_PLACES[kind].format(layer)}.{tensor}"


def attention_of(model: Transformer, kind: Kind, layer: int) -> MultiHeadAttention:
    """The module that `attention_tap` names taps of; `layer` counts from 0."""
    return model.get_submodule(_PLACES[kind].format(layer))  # type: ignore[return-value]
