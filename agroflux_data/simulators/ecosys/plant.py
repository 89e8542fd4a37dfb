"""The crop: phenology, growth from stores of carbon and nitrogen, roots, senescence, grain and harvest."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from agroflux_data.simulators.ecosys.parameters import BOTTOMS, Crop, Parameters

__all__ = ["Plant", "development", "grow", "harvest_due", "root_profile", "split_litter"]

Array = NDArray[np.floating]

_BOTTOMS = np.array(BOTTOMS)[:, None]
_GROWTH = 0.6
"""Of the store that grows into tissue, d-1 at 25 degC (Grant 1989)."""
_LEAST = 0.45
"""Least N:C of new tissue, relative to the most."""
_REMOBILISED = 0.06
"""Of the nitrogen above the least in leaves and stems that moves towards the grain, d-1."""
_LITTER_CN = 150.0
"""C:N of structural residue (Parton et al. 1987, Soil Sci. Soc. Am. J. 51:1173)."""
_DENSE = 4.0
"""Leaf area index at which half of the leaf growth is left."""
_DRY_DOWN = 12
_LAST_HARVEST = 330


@dataclass
class Plant:
    """State of the crop, (series,) each; carbon and nitrogen in g m-2."""

    store_c: Array
    store_n: Array
    leaf_c: Array
    leaf_n: Array
    stem_c: Array
    stem_n: Array
    root_c: Array
    root_n: Array
    grain_c: Array
    grain_n: Array
    heat: Array
    """Degree-days since planting; below 0 where nothing grows."""
    emergence: Array
    """Degree-days at which it emerged, as a flag: 1 above the ground."""
    waited: Array
    """Days since maturity or frost."""

    @classmethod
    def bare(cls, series: int) -> Plant:
        state = {f.name: np.zeros(series) for f in fields(cls)}
        state["heat"] = np.full(series, -1.0)
        return cls(**state)

    def carbon(self) -> Array:
        return self.store_c + self.leaf_c + self.stem_c + self.root_c + self.grain_c

    def nitrogen(self) -> Array:
        return self.store_n + self.leaf_n + self.stem_n + self.root_n + self.grain_n

    def clear(self, where: NDArray[np.bool_]) -> None:
        """Nothing grows any more in these series."""
        for f in fields(self):
            getattr(self, f.name)[where] = -1.0 if f.name == "heat" else 0.0


def development(plant: Plant, crop: Crop, maturity: Array, tmax: Array, tmin: Array) -> Array:
    """Advance thermal time by a day, and return the stage: 0 at emergence to 1 at maturity, -1 before.

    Degree-days above 10 degC with both extremes kept within 10 to 30 degC (Cross & Zuber 1972, Agron. J. 64:351).
    """
    degrees = 0.5 * (np.clip(tmax, 10, 30) + np.clip(tmin, 10, 30)) - 10
    planted = plant.heat >= 0
    plant.heat = np.where(planted, plant.heat + degrees, -1.0)
    stage = (plant.heat - crop.emergence) / (crop.maturity * maturity - crop.emergence)
    return np.where(planted & (stage >= 0), np.minimum(stage, 1.0), -1.0)


def root_profile(crop: Crop, stage: Array) -> Array:
    """Share of the roots in each layer, (layers, series), sum 1.

    Exponential with depth down to a front that reaches full depth at anthesis (Gerwitz & Page 1974, J. Appl. Ecol.
    11:773).
    """
    front = np.maximum(crop.root_depth * np.clip(stage / crop.anthesis, 0, 1), 0.12)
    scale = 0.3 * front + 0.05
    reach = np.minimum(_BOTTOMS, front)
    below = np.exp(-reach / scale)
    share = np.empty_like(below)
    share[0] = 1 - below[0]
    share[1:] = below[:-1] - below[1:]
    return share / (1 - below[-1])


def grow(
    p: Parameters, plant: Plant, crop: Crop, stage: Array, shoot_rate: Array, root_rate: Array, vigour: Array
) -> tuple[Array, Array, Array, Array]:
    """One day of respiration, growth and senescence.

    Maintenance follows nitrogen, growth the store (Grant 1989); growth respiration is what a tissue's yield leaves
    (Penning de Vries, Brunsting & van Laar 1974, J. Theor. Biol. 45:339).

    Parameters
    ----------
    stage : array (series,)
        From `development`.
    shoot_rate, root_rate : arrays (series,)
        Mean response to temperature of shoot and roots, 1 at 25 degC.
    vigour : array (series,)
        Multiplier of the seeds that the stand sets, as of its photosynthesis.

    Returns
    -------
    shoot respiration, root respiration, litter carbon, litter nitrogen : arrays (series,)
        g m-2 in the day; litter of leaves and stems falls on the ground.
    """
    up = stage >= 0
    maintenance_shoot = 24 * p.plant_maintenance * (plant.leaf_n + plant.stem_n + 0.1 * plant.grain_n) * shoot_rate
    maintenance_root = 24 * p.plant_maintenance * plant.root_n * root_rate
    wanted = maintenance_shoot + maintenance_root
    paid = np.minimum(1.0, 0.8 * plant.store_c / (wanted + 1e-12))
    maintenance_shoot, maintenance_root = maintenance_shoot * paid, maintenance_root * paid
    plant.store_c = plant.store_c - maintenance_shoot - maintenance_root
    # Shares of growth by stage: roots first, leaves until anthesis, then grain.
    before = np.clip(stage / crop.anthesis, 0, 1)
    ripening = np.clip((stage - crop.anthesis) / 0.06, 0, 1)
    root = (crop.root_share * (1 - before) + 0.08) * (1 - ripening)
    # A canopy that shades itself makes stems instead of leaves.
    shading = 1 / (1 + (plant.leaf_c * crop.leaf_area / _DENSE) ** 4)
    leaf = (0.85 - 0.45 * before**2) * shading * (1 - ripening) * (1 - root)
    stem = np.maximum(1 - root - leaf - ripening, 0)
    # Seeds that are nearly full take less, and the store grows until it slows photosynthesis.
    grain = ripening * np.clip((1 - plant.grain_c / (crop.grain_sink * vigour)) / 0.2, 0, 1)
    body = (root + leaf + stem) / crop.vegetative_yield
    rate = 1 - np.exp(-_GROWTH * shoot_rate)
    growth = np.where(up & (stage < 1), plant.store_c * rate, 0) / (body + ripening / crop.grain_yield)
    spent = body + grain / crop.grain_yield
    most = root * crop.root_nc + leaf * crop.leaf_nc + stem * crop.stem_nc + grain * crop.grain_nc + 1e-12
    available = 0.7 * plant.store_n
    growth = np.minimum(growth, available / (_LEAST * most))
    nitrogen = np.minimum(growth * most, available)
    unit = nitrogen / most
    respiration = growth * (spent - root - leaf - stem - grain)
    plant.store_c = plant.store_c - growth * spent
    plant.store_n = plant.store_n - nitrogen
    for name, share, most_nc in (
        ("root", root, crop.root_nc),
        ("leaf", leaf, crop.leaf_nc),
        ("stem", stem, crop.stem_nc),
        ("grain", grain, crop.grain_nc),
    ):
        setattr(plant, f"{name}_c", getattr(plant, f"{name}_c") + growth * share)
        setattr(plant, f"{name}_n", getattr(plant, f"{name}_n") + unit * share * most_nc)
    # Leaves refill from the store while they grow, and give to the grain afterwards.
    lacking = np.maximum(plant.leaf_c * crop.leaf_nc - plant.leaf_n, 0)
    refill = np.where(ripening < 0.5, np.minimum(0.2 * lacking, 0.3 * plant.store_n), 0)
    plant.leaf_n = plant.leaf_n + refill
    plant.store_n = plant.store_n - refill
    for name, most_nc in (("leaf", crop.leaf_nc), ("stem", crop.stem_nc)):
        held = getattr(plant, f"{name}_n")
        spare = np.maximum(held - 0.3 * most_nc * getattr(plant, f"{name}_c"), 0)
        lack = np.clip(1 - plant.store_n / 1.5, 0, 1)
        moved = _REMOBILISED * spare * ripening * lack
        setattr(plant, f"{name}_n", held - moved)
        plant.store_n = plant.store_n + moved
    # Leaves die with age, and faster when the store no longer pays for them.
    old = np.clip((stage - 0.72) / 0.28, 0, 1)
    lost = np.where(up, np.clip(0.002 + 0.05 * old**2 + 0.02 * (1 - paid) * (stage > 0.2), 0, 0.2), 0)
    litter_c, litter_n = lost * plant.leaf_c, lost * plant.leaf_n
    plant.leaf_c, plant.leaf_n = plant.leaf_c - litter_c, plant.leaf_n - litter_n
    root_respiration = maintenance_root + respiration * root
    return maintenance_shoot + respiration * (1 - root), root_respiration, litter_c, litter_n


def split_litter(carbon: Array, nitrogen: Array) -> tuple[Array, Array]:
    """Labile and structural residue, (2, ...) each of carbon and nitrogen, by lignin to nitrogen.

    Source: Parton et al. (1987) Soil Sci. Soc. Am. J. 51:1173, with 10 % lignin and 45 % carbon in dry matter.
    """
    lignin = 0.10 / 0.45 * carbon / np.maximum(nitrogen, 1e-12)
    labile = np.clip(0.85 - 0.018 * lignin, 0.2, 0.85)
    structural = (1 - labile) * carbon
    structural_n = np.minimum(structural / _LITTER_CN, 0.5 * nitrogen)
    return np.stack([carbon - structural, structural]), np.stack([nitrogen - structural_n, structural_n])


def harvest_due(plant: Plant, crop: Crop, stage: Array, tmin: Array, day: int) -> NDArray[np.bool_]:
    """Which series are harvested today: some days after maturity or a killing frost, or late in the year."""
    over = (stage >= 1) | (plant.waited > 0) | ((stage >= 0) & (tmin < crop.frost) & (day > 200))
    plant.waited = np.where(over & (plant.heat >= 0), plant.waited + 1, 0.0)
    return (plant.waited > _DRY_DOWN) | ((plant.heat >= 0) & (day >= _LAST_HARVEST))
