"""Sign2Text: a CNN on each frame, a recurrent encoder, and JoeyNMT's recurrent decoder with attention.

Camgoz, Hadfield, Koller, Ney, Bowden: Neural Sign Language Translation, CVPR 2018 (sections 3.1 to 3.3).
"""

from __future__ import annotations

import torch
from joeynmt.decoders import RecurrentDecoder
from joeynmt.embeddings import Embeddings
from joeynmt.encoders import Encoder
from joeynmt.model import Model
from joeynmt.vocabulary import Vocabulary
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from slt.sign2text.cnn import AlexNet, SmallCnn

_CHUNK = 256  # frames that the CNN sees at once when nothing is learned


class ResidualGru(nn.Module):
    """Layers of gated recurrent units; from the second on, a layer's input is added to its output (as in Wu et al.
    2016, which NSLT follows). Dropout is on the input of each layer.

    (B, T, inputs), and states (layers, B, hidden) or None for zeros, to (B, T, hidden) and the last states.
    lengths (B,): steps of each row, where rows are padded. bidirectional: half of `hidden` reads backwards.
    """

    def __init__(self, inputs: int, hidden: int, layers: int, dropout: float, bidirectional: bool = False) -> None:
        super().__init__()
        size = hidden // 2 if bidirectional else hidden
        self.inputs = inputs
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(
            nn.GRU(hidden if k else inputs, size, batch_first=True, bidirectional=bidirectional) for k in range(layers)
        )

    def forward(self, x: Tensor, states: Tensor | None = None, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """x: (B, T, inputs). The outputs (B, T, hidden), and each layer's last state."""
        assert x.dim() == 3 and x.shape[2] == self.inputs, x.shape
        last = []
        for k, layer in enumerate(self.layers):
            given = self.dropout(x)  # (B, T, inputs or hidden)
            if lengths is None:
                read, state = layer(given, None if states is None else states[k : k + 1])
            else:
                packed = pack_padded_sequence(given, lengths.cpu(), batch_first=True, enforce_sorted=False)
                read, state = layer(packed)
                read, _ = pad_packed_sequence(read, batch_first=True, total_length=x.shape[1])
            x = x + read if k else read  # (B, T, hidden)
            last.append(state.transpose(0, 1).flatten(1))  # (B, hidden)
        return x, torch.stack(last)  # (layers, B, hidden)


class FrameEncoder(Encoder):
    """Frames to encoder states: a CNN on every frame less a mean picture, then `ResidualGru`.

    forward: frames (B, T, H, W, 3) uint8 RGB, lengths (B,), mask (B, 1, T) to states (B, T, hidden) and the last
    state of each layer (B, layers, hidden). Only frames of the mask are looked at, so that a clip's states do not
    depend on the batch that it is in. reverse: the last frame is read first. bf16: the CNN computes in bfloat16.
    clip_mean: what is taken off is the mean of the clip itself instead of `mean_picture` (H, W, 3).
    """

    def __init__(
        self, cnn: AlexNet | SmallCnn, mean_picture: Tensor, hidden: int, layers: int, dropout: float,
        bidirectional: bool, reverse: bool, bf16: bool, clip_mean: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        assert mean_picture.dim() == 3 and mean_picture.shape[2] == 3, mean_picture.shape
        self.cnn, self.reverse, self.bf16, self.clip_mean = cnn, reverse, bf16, clip_mean
        self.register_buffer("mean_picture", mean_picture)  # (H, W, 3) grey levels
        self.gru = ResidualGru(cnn.features, hidden, layers, dropout, bidirectional)
        self._output_size = hidden

    def forward(self, frames: Tensor, lengths: Tensor, mask: Tensor, **_: object) -> tuple[Tensor, Tensor]:
        """Frames (B, T, H, W, 3) uint8 -> states (B, T, hidden), and each layer's last state (B, layers, hidden).

        lengths: (B,). mask: (B, 1, T), True on real frames.
        """
        assert frames.dim() == 5 and frames.shape[2:] == self.mean_picture.shape, frames.shape
        assert mask.shape == (frames.shape[0], 1, frames.shape[1]), mask.shape
        real = mask[:, 0]  # (B, T)
        seen = self._look(frames, real)  # (N, features)
        features = seen.new_zeros(*real.shape, seen.shape[1])
        features[real] = seen  # (B, T, features)
        if self.reverse:
            features = reverse_rows(features, lengths)
        states, last = self.gru(features, None, lengths)
        return states, last.transpose(0, 1)

    def _look(self, frames: Tensor, real: Tensor) -> Tensor:
        """(B, T, H, W, 3) and (B, T) to (N, features); all at once in training, in pieces of flat memory else."""
        pictures, clip = frames[real], real.nonzero()[:, 0]  # (N, H, W, 3), (N,)
        if self.clip_mean:
            share = real / real.sum(1, keepdim=True)  # (B, T)
            means = torch.einsum("bt,bthwc->bhwc", share, frames.float())
        else:
            means, clip = self.mean_picture[None], torch.zeros_like(clip)
        size = len(pictures) if self.training else _CHUNK
        pieces = zip(pictures.split(size), clip.split(size), strict=True)
        return torch.cat([self._look_at(piece.float() - means[which]) for piece, which in pieces])

    def _look_at(self, pictures: Tensor) -> Tensor:
        with torch.autocast(pictures.device.type, torch.bfloat16, enabled=self.bf16):
            features: Tensor = self.cnn((pictures * self.cnn.scale).permute(0, 3, 1, 2)).float()
            return features


def reverse_rows(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, F) with the first lengths[b] steps of each row in reversed order; padding stays behind."""
    step = torch.arange(x.shape[1], device=x.device)[None]  # (1, T)
    end = lengths.to(x.device)[:, None]  # (B, 1)
    place = torch.where(step < end, end - 1 - step, step)  # (B, T)
    return x.gather(1, place[:, :, None].expand_as(x))


class AttentionDecoder(RecurrentDecoder):
    """JoeyNMT's recurrent decoder (attention of Luong or Bahdanau, input feeding) with `ResidualGru`.

    Each layer starts from the last state of the encoder's layer of the same number, as in NSLT; JoeyNMT would start
    all of them from the topmost.
    """

    def __init__(
        self, encoder: FrameEncoder, words: int, embedding: int, hidden: int, layers: int, dropout: float,
        attention: str,
    ) -> None:  # fmt: skip
        super().__init__(
            rnn_type="gru", emb_size=embedding, hidden_size=hidden, encoder=encoder, attention=attention,
            num_layers=layers, vocab_size=words, init_hidden="zero", input_feeding=True,
        )  # fmt: skip
        self.rnn = ResidualGru(embedding + hidden, hidden, layers, dropout)

    def _init_hidden(self, encoder_final: Tensor) -> Tensor:
        """(B, layers, hidden) to (layers, B, hidden)."""
        assert encoder_final.shape[1:] == (self.num_layers, self.hidden_size), encoder_final.shape
        return encoder_final.transpose(0, 1).contiguous()

    def _check_shapes_input_forward(
        self, trg_embed: Tensor, encoder_output: Tensor, encoder_hidden: Tensor | None, src_mask: Tensor,
        hidden: Tensor | None = None, prev_att_vector: Tensor | None = None,
    ) -> None:  # fmt: skip
        """JoeyNMT's check, but for the encoder's last state, which has a dimension more here."""
        super()._check_shapes_input_forward(trg_embed, encoder_output, None, src_mask, hidden, prev_att_vector)

    def _forward_step(
        self, prev_embed: Tensor, prev_att_vector: Tensor, encoder_output: Tensor, src_mask: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """JoeyNMT's step; what attends is the output of the layers, not the state of the topmost."""
        given = torch.cat([prev_embed, prev_att_vector], 2)  # (B, 1, embedding + hidden)
        query, hidden = self.rnn(given, hidden)  # (B, 1, hidden), (layers, B, hidden)
        context, weights = self.attention(query=query, values=encoder_output, mask=src_mask)
        vector = torch.tanh(self.att_vector_layer(torch.cat([query, context], 2)))  # (B, 1, hidden)
        return vector, hidden, weights


def with_decoder(
    encoder: FrameEncoder, words: Vocabulary, layers: int, embedding: int, attention: str, dropout: float
) -> Model:
    """A JoeyNMT model whose source is frames (B, T, H, W, 3), initialised by torch's global generator.

    layers: of the encoder, and so many of the decoder, as wide as those. embedding: width of target words.
    """
    decoder = AttentionDecoder(encoder, len(words), embedding, encoder.output_size, layers, dropout, attention)
    target = Embeddings(embedding_dim=embedding, vocab_size=len(words), padding_idx=words.pad_index)
    return Model(
        encoder=encoder, decoder=decoder, src_embed=nn.Identity(), trg_embed=target, src_vocab=None, trg_vocab=words
    )
