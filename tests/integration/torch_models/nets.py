"""Models as people write them: an image classifier, a reader of tokens, and ones with a catch."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Image(nn.Module):
    """Classes of small images, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 4, 3),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 5),
        )

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        likely = self.body(image).softmax(-1)
        return {"label": likely.argmax(-1), "probabilities": likely}


class Pixels(Image):
    """The same on bytes, as a camera gives them."""

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return super().forward(image / 255)


class Tokens(nn.Module):
    """A number for a padded text: two inputs, one of whole numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(100, 8)
        self.head = nn.Linear(8, 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        mean = (self.embed(ids) * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True).clamp(
            min=1
        )
        return self.head(mean)


class Branch(nn.Module):
    """Looks at each row's value to choose its way, which no exporter can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.stack([row * 2 if float(row.sum()) > 0 else row for row in x]))


class Exponential(nn.Module):
    """Uses an operator that ONNX lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.matrix_exp(self.head(x).reshape(-1, 4, 4)).sum(dim=[1, 2])


class OneForAll(nn.Module):
    """Answers all rows together."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.sum()


class OnGpu(nn.Module):
    """Insists on a GPU."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(x.to("cuda"))


class Chosen(nn.Module):
    """Answers some of the rows."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[x[:, 0] > 0]


class Exits(nn.Module):
    """Ends the program that asks it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise SystemExit(4)


def wide() -> Any:
    """Enough weights for int8 to be worth it."""
    return nn.Sequential(
        nn.Linear(4, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 1)
    )
