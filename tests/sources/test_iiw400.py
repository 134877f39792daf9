"""What the contract cannot say of IIW-400: its two addresses, and which photos are taken."""

from __future__ import annotations

from pipelines.upstream import make_root
from sources.iiw400 import SOURCE


def test_rows_and_photos_have_addresses_of_their_own() -> None:
    rows, photos = (make_root(SOURCE.card, repo, None) for repo in SOURCE.card.repos)
    assert rows.uri.endswith("/datasets/IIW-400")
    assert rows.files == ("data.jsonl",)
    assert photos.uri.endswith("/docci/data")
    assert photos.files == ("docci_images_aar.tar.gz",)


def test_both_lie_in_one_folder_of_a_mirror() -> None:
    roots = [make_root(SOURCE.card, repo, "/m") for repo in SOURCE.card.repos]
    assert [root.uri for root in roots] == ["/m/iiw400"] * 2


def test_only_the_four_hundred_photos_are_read() -> None:
    names = [f"images_aar/aar_test_{number:05}.jpg" for number in (4599, 4600, 4999, 5000)]
    assert [SOURCE.wants_member(name) is not None for name in names] == [False, True, True, False]
    assert SOURCE.wants_member("images_aar/aar_train_04600.jpg") is None
    assert SOURCE.wants_member("images_aar/aar_test_04600.txt") is None
