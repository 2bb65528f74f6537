"""What augmentation does to pixels and targets, all of it by the seeded generator alone."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest

from ml.training.augmentation import augment, degrade, mix, turn
from tests.ml.conftest import CONFIG


class TestAugmentation:
    """Mirroring and erasing."""

    pixels = np.arange(400 * 8 * 8 * 3, dtype=np.int64).astype(np.uint8).reshape(400, 8, 8, 3)

    def augmented(self, *, flip: bool, erase_size: int) -> npt.NDArray[np.uint8]:
        result = self.pixels.copy()
        config = dataclasses.replace(CONFIG, horizontal_flip=flip)
        augment(result, np.random.default_rng(5), config, erase_size=erase_size)
        return result

    def test_half_of_the_images_are_mirrored_and_nothing_else(self) -> None:
        result = self.augmented(flip=True, erase_size=0)
        mirrored = (result == self.pixels[:, :, ::-1]).all(axis=(1, 2, 3))
        unchanged = (result == self.pixels).all(axis=(1, 2, 3))
        assert (mirrored ^ unchanged).all()
        assert 150 < mirrored.sum() < 250

    def test_a_square_is_greyed_out_in_half_of_the_images(self) -> None:
        result = self.augmented(flip=False, erase_size=4)
        changed = (result != self.pixels).any(axis=-1)
        assert (result[changed] == 128).all()
        assert changed.sum(axis=(1, 2)).max() <= 16
        assert 150 < changed.any(axis=(1, 2)).sum() < 250

    def test_without_either_nothing_changes(self) -> None:
        result = self.augmented(flip=False, erase_size=0)
        np.testing.assert_array_equal(result, self.pixels)


class TestCutMix:
    """Rectangles of other images, told by their colour: image i is all of value i."""

    def mixed(self, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Sixteen images and their targets after mixing; the first half is FAKE."""
        values = np.arange(16, dtype=np.uint8)
        pixels = np.broadcast_to(values[:, None, None, None], (16, 32, 32, 3)).copy()
        targets = (values < 8).astype(np.float32)
        return pixels, mix(pixels, targets, np.random.default_rng(seed))

    @pytest.mark.parametrize("seed", range(20))
    def test_the_target_is_the_share_of_fake_pixels(self, seed: int) -> None:
        pixels, targets = self.mixed(seed)
        np.testing.assert_allclose(targets, (pixels < 8).mean(axis=(1, 2, 3)), atol=1e-6)
        own = (pixels == np.arange(16)[:, None, None, None]).mean(axis=(1, 2, 3))
        assert (own >= 7 / 16).all()

    @pytest.mark.parametrize("seed", range(20))
    def test_whole_blocks_of_the_jpeg_grid_change(self, seed: int) -> None:
        pixels, _ = self.mixed(seed)
        blocks = pixels.reshape(16, 4, 8, 4, 8, 3)
        assert (blocks.min(axis=(2, 4, 5)) == blocks.max(axis=(2, 4, 5))).all()

    def test_targets_of_several_columns_are_mixed_alike(self) -> None:
        pixels, targets = self.mixed(3)
        both = np.stack([np.arange(16) < 8, np.arange(16) >= 8], axis=1).astype(np.float32)
        again = np.broadcast_to(
            np.arange(16, dtype=np.uint8)[:, None, None, None], pixels.shape
        ).copy()
        mixed = mix(again, both, np.random.default_rng(3))
        np.testing.assert_array_equal(mixed[:, 0], targets)
        np.testing.assert_allclose(mixed.sum(axis=1), 1.0, atol=1e-6)


class TestTurning:
    """Rotation and zoom about the centre, told by a ramp from left to right."""

    ramp = np.broadcast_to(np.arange(0, 96, 3, dtype=np.uint8)[None, None, :, None], (6, 32, 32, 3))

    def turned(self, *, degrees: float, zoom: float) -> npt.NDArray[np.uint8]:
        result = self.ramp.copy()
        turn(result, np.random.default_rng(1), degrees=degrees, zoom=zoom)
        return result

    def test_by_nothing_nothing_changes(self) -> None:
        np.testing.assert_array_equal(self.turned(degrees=0.0, zoom=0.0), self.ramp)

    def test_a_zoom_changes_the_slope_and_not_the_centre(self) -> None:
        result = self.turned(degrees=0.0, zoom=0.2).astype(float)
        slopes = (result[:, 16, 24, 0] - result[:, 16, 8, 0]) / 48
        assert (slopes.min() < 0.95) & (slopes.max() > 1.05)
        assert (slopes > 0.8).all()
        assert (slopes < 1.3).all()
        np.testing.assert_allclose(result[:, 16, 15:17, 0].mean(axis=1), 46.5, atol=1.5)

    def test_a_rotation_turns_the_slope(self) -> None:
        result = self.turned(degrees=30.0, zoom=0.0).astype(float)
        across = result[:, 16, 20, 0] - result[:, 16, 12, 0]
        down = result[:, 20, 16, 0] - result[:, 12, 16, 0]
        np.testing.assert_allclose(np.hypot(across, down), 24.0, atol=2.0)
        angles = np.degrees(np.arctan2(down, across))
        assert (np.abs(angles) < 33).all()
        assert angles.std() > 5

    def test_what_comes_into_view_is_picture_and_no_black_corner(self) -> None:
        white = np.full((8, 32, 32, 3), 255, np.uint8)
        turn(white, np.random.default_rng(2), degrees=45.0, zoom=0.5)
        assert (white == 255).all()


class TestDegrading:
    """A share of the images, each in one of four ways."""

    pixels = np.random.default_rng(0).integers(0, 256, (400, 16, 16, 3), np.uint8)

    def degraded(self, share: float, seed: int = 4) -> npt.NDArray[np.uint8]:
        result = self.pixels.copy()
        degrade(result, np.random.default_rng(seed), share)
        return result

    @pytest.mark.parametrize(
        ("share", "least", "most"), [(0.0, 0, 0), (0.5, 160, 240), (1, 400, 400)]
    )
    def test_as_many_images_change_as_the_share_says(
        self, share: float, least: int, most: int
    ) -> None:
        changed = (self.degraded(share) != self.pixels).any(axis=(1, 2, 3)).sum()
        assert least <= changed <= most

    def test_the_same_seed_degrades_alike(self) -> None:
        np.testing.assert_array_equal(self.degraded(0.5), self.degraded(0.5))
        assert (self.degraded(0.5) != self.degraded(0.5, seed=5)).any()

    def test_each_of_the_four_ways_is_among_them(self) -> None:
        flat = np.full((200, 16, 16, 3), 90, np.uint8)
        flat[:, ::2] = 130
        result = flat.copy()
        degrade(result, np.random.default_rng(6), 1.0)
        rows = result.astype(float)
        noisy = rows[:, 0].std(axis=(1, 2)) > 3  # a row was of one value
        soft = np.abs(rows[:, 8] - rows[:, 9]).mean(axis=(1, 2)) < 30
        assert 65 < noisy.sum() < 115
        assert 12 < (soft & ~noisy).sum() < 50
