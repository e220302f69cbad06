"""Networks on disk: safetensors for the arrays, JSON for the rest; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from spiketwin.config import Network as NetworkConfig
from spiketwin.files import appearing, write_text
from spiketwin.network.description import FORMAT, read_description
from spiketwin.network.network import Network

_STRUCTURE = ("mask", "sign", "input_sign", "read")


def save_network(network: Network, folder: Path, about: dict[str, Any]) -> None:
    """Write ``model.safetensors`` and ``model.json``; the latter appears last.

    Parameters
    ----------
    network : what to save.
    folder : where.
    about : facts of the fit, stored beside the network's description.
    """
    arrays = {name: value.detach().cpu().contiguous() for name, value in network.parameters.items()}
    arrays |= {name: getattr(network, name).cpu().contiguous() for name in _STRUCTURE}
    arrays |= {
        "area": torch.tensor(network.area),
        "inhibitory": torch.tensor(network.inhibitory),
    }
    with appearing(folder / "model.safetensors") as partial:
        save_file(arrays, partial)
    description = {
        "format": FORMAT,
        "network": network.config.model_dump(mode="json"),
        "areas": list(network.areas),
        "traces": list(network.traces),
        **about,
    }
    write_text(folder / "model.json", json.dumps(description, indent=1))


def load_network(folder: Path) -> Network:
    """Read a network that `save_network` wrote.

    Raises
    ------
    SpiketwinError
        When the files are missing or of another format.
    """
    description = read_description(folder)
    arrays = load_file(Path(folder) / "model.safetensors")
    structure = {name: arrays.pop(name) for name in _STRUCTURE}
    area, inhibitory = arrays.pop("area").numpy(), arrays.pop("inhibitory").numpy()
    return Network(
        config=NetworkConfig.model_validate(description["network"]),
        areas=tuple(description["areas"]),
        area=area.astype(int),
        inhibitory=inhibitory.astype(bool),
        traces=tuple(description["traces"]),
        parameters=arrays,
        **structure,
    )
