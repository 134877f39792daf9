"""Which messages and items of stored conversations a batch of rows is written with, in what order.

A row is written from one stored conversation, its own, or from several: those of the rows merged
into it follow its own, and `turns` counts through all of them. By index arithmetic over all items
of the batch; the suffix of an array is what it has one value of: `_r` row written, `_c` stored
conversation, `_t` turn, `_m` message, `_i` item.

- A row's leading system messages stay in front, whichever of its turns are written.
- Media stay with their turn. Where all of a row's media stand in its first turn and that turn is
  not the first to be written, they stand before the first text of the turn that is.
- Media of merged conversations are not written: they are the row's own. A message that held nothing
  else keeps an empty text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from filters.conversation import Conversations, equals
from manifests.errors import IntegrityError
from pipelines.flat import Bools, Ints, count_where, owners, ranges, starts


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The stored conversations of a batch of rows, in the order in which rows name them."""

    row_c: Ints  # the row it is written in, ascending; a row's own conversation is its first
    turns_r: pa.ListArray  # numbers of the turns to write, in that order; null: all as stored
    ids_r: pa.Array  # for messages of errors

    @property
    def chosen_r(self) -> Bools:
        """Rows that are not simply written with all turns as stored."""
        chosen: Bools = self.turns_r.is_valid().to_numpy(zero_copy_only=False)
        return chosen

    @property
    def own_c(self) -> Ints:
        """The conversation of each row that is its own."""
        return np.searchsorted(self.row_c, np.arange(len(self.turns_r)))


class Stored:
    """Conversations of a batch, flat, and where their turns begin (row_batches.split_turns)."""

    def __init__(self, chats: Conversations, place_c: Ints) -> None:
        """Conversation c of the batch is number `place_c[c]` of `chats`."""
        first_m = starts(chats.num_messages_s)
        self.first_m_c, self.num_m_c = first_m[place_c], chats.num_messages_s[place_c]
        self.first_i_m, self.num_i_m = starts(chats.num_items_m)[:-1], chats.num_items_m
        self.roles_m, self.texts_i = chats.roles_m, chats.texts_i
        self.user_m, self.system_m = equals(chats.roles_m, "user"), equals(chats.roles_m, "system")
        self.video_i = equals(chats.types_i, "video")
        self.media_i = self.video_i | equals(chats.types_i, "image")
        spoken = starts((~self.system_m).astype(np.int64))
        # In front: it and all messages before it in its conversation are system messages.
        front_m = spoken[1:] == spoken[first_m[chats.sample_m]]
        front = starts(front_m.astype(np.int64))
        self.num_front_c = front[self.first_m_c + self.num_m_c] - front[self.first_m_c]
        after_front = np.concatenate([[False], front_m[:-1]])
        starts_turn = (chats.position_m == 0) | (self.user_m & ~after_front)
        turn_m = starts(starts_turn.astype(np.int64))
        self.first_t_c = turn_m[self.first_m_c]
        self.num_t_c = turn_m[self.first_m_c + self.num_m_c] - self.first_t_c
        self.first_m_t = np.flatnonzero(starts_turn)
        self.num_m_t = np.diff(np.append(self.first_m_t, len(turn_m) - 1))
        media = starts(self.media_i.astype(np.int64))
        self.media_before_m = media[starts(chats.num_items_m)]
        self.media_before_i = media[:-1]

    def num_media(self, first_m: Ints, num_m: Ints) -> Ints:
        """Media items in messages first_m[k] ... num_m[k] of them, for each k."""
        found: Ints = self.media_before_m[first_m + num_m] - self.media_before_m[first_m]
        return found


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns that are written, row by row in written order."""

    conversation_t: Ints
    number_t: Ints  # in its conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """`_m` and `_i` are in written order."""

    row_m: Ints
    message_m: Ints  # number among the stored messages
    message_i: Ints  # number among the written messages
    item_i: Ints  # number among the stored items; EMPTY for an empty text


EMPTY = -1


def written(stored: Stored, parts: Parts) -> tuple[Written, Turns]:
    """What is written of each row. IntegrityError: a turn is asked for that a row does not have."""
    turns = _chosen_turns(stored, parts)
    row_m, message_m, own_m = _messages(stored, parts, turns)
    moved_r = _moved(stored, parts, turns)
    item_i, message_i = _items(stored, row_m, message_m, own_m, moved_r)
    plan = Written(row_m=row_m, message_m=message_m, message_i=message_i, item_i=item_i)
    if moved_r.any():
        plan = _with_moved(stored, parts, moved_r, plan)
    whole, chosen = all_turns(stored, parts), turns
    conversation = np.concatenate([whole.conversation_t, chosen.conversation_t])
    order = np.argsort(parts.row_c[conversation], kind="stable")
    number = np.concatenate([whole.number_t, chosen.number_t])
    return plan, Turns(conversation[order], number[order])


def all_turns(stored: Stored, parts: Parts) -> Turns:
    """The turns of the rows that are written with all of theirs."""
    whole_c = np.flatnonzero(~parts.chosen_r[parts.row_c])
    counts = stored.num_t_c[whole_c]
    return Turns(np.repeat(whole_c, counts), ranges(np.zeros_like(counts), counts))


def _chosen_turns(stored: Stored, parts: Parts) -> Turns:
    """The asked turns, found by their numbers, which count through a row's conversations."""
    counts_r = parts.turns_r.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    asked = parts.turns_r.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    row_t = owners(counts_r.astype(np.int64))
    first_c = starts(stored.num_t_c)
    first_r = first_c[np.append(parts.own_c, len(parts.row_c))]
    place = first_r[row_t] + asked
    wrong = (asked < 0) | (place >= first_r[row_t + 1])
    if wrong.any():
        row, turn = row_t[wrong][0], asked[wrong][0]
        raise IntegrityError(
            f"sample {parts.ids_r[row]} is to be written with turn {turn}, and has turns 0 to "
            f"{first_r[row + 1] - first_r[row] - 1}; remove the build folder and run again"
        )
    conversation = np.searchsorted(first_c, place, side="right") - 1
    return Turns(conversation, place - first_c[conversation])


def _moved(stored: Stored, parts: Parts, turns: Turns) -> Bools:
    """Rows whose media all stand in their first turn, where another is the first to be written."""
    moved_r = np.zeros(len(parts.turns_r), bool)
    rows, at = np.unique(parts.row_c[turns.conversation_t], return_index=True)
    own = parts.own_c[rows]
    other_first = (turns.conversation_t[at] != own) | (turns.number_t[at] != 0)
    rows, own = rows[other_first], own[other_first]
    turn = stored.first_t_c[own]
    inside = stored.num_media(stored.first_m_t[turn], stored.num_m_t[turn])
    total = stored.num_media(stored.first_m_c[own], stored.num_m_c[own])
    moved_r[rows] = (inside == total) & (total > 0)
    return moved_r


def _messages(stored: Stored, parts: Parts, turns: Turns) -> tuple[Ints, Ints, Bools]:
    """(row, stored message, whether of the row's own conversation) of each written message.

    A row's messages are one range of them, or its leading system messages and a range a turn.
    """
    chosen_r = parts.chosen_r
    own_c = np.zeros(len(parts.row_c), bool)
    own_c[parts.own_c] = True
    whole, fronts = np.flatnonzero(~chosen_r[parts.row_c]), parts.own_c[chosen_r]
    turn_m, num_m = _turn_ranges(stored, turns, own_c)
    conversation = np.concatenate([whole, fronts, turns.conversation_t])
    first = np.concatenate([stored.first_m_c[whole], stored.first_m_c[fronts], turn_m])
    counts = np.concatenate([stored.num_m_c[whole], stored.num_front_c[fronts], num_m])
    order = np.argsort(parts.row_c[conversation], kind="stable")
    conversation, first, counts = conversation[order], first[order], counts[order]
    row_m = np.repeat(parts.row_c[conversation], counts)
    return row_m, ranges(first, counts), np.repeat(own_c[conversation], counts)


def _turn_ranges(stored: Stored, turns: Turns, own_c: Bools) -> tuple[Ints, Ints]:
    """(first message, number of messages) of turns; those that stand in front are not of them."""
    turn = stored.first_t_c[turns.conversation_t] + turns.number_t
    led = own_c[turns.conversation_t] & (turns.number_t == 0)
    front = np.where(led, stored.num_front_c[turns.conversation_t], 0)
    return stored.first_m_t[turn] + front, stored.num_m_t[turn] - front


def _items(
    stored: Stored, row_m: Ints, message_m: Ints, own_m: Bools, moved_r: Bools
) -> tuple[Ints, Ints]:
    """(stored item, written message) of each item, without the media that are not written there."""
    counts = stored.num_i_m[message_m]
    item_i, message_i = ranges(stored.first_i_m[message_m], counts), owners(counts)
    without_media_m = ~own_m | moved_r[row_m]
    if not without_media_m.any():
        return item_i, message_i
    keep = ~(without_media_m[message_i] & stored.media_i[item_i])
    emptied_m = (counts > 0) & (count_where(message_i, keep, len(message_m)) == 0)
    first_i = starts(counts)[:-1][emptied_m]
    item_i[first_i] = EMPTY
    keep[first_i] = True
    return item_i[keep], message_i[keep]


def _with_moved(stored: Stored, parts: Parts, moved_r: Bools, plan: Written) -> Written:
    """With the moved media in front of their row's first message that is not system."""
    own = parts.own_c[moved_r]
    turn = stored.first_t_c[own]
    first_m = stored.first_m_t[turn]
    last_m = first_m + stored.num_m_t[turn] - 1
    first_i = stored.first_i_m[first_m]
    counts = stored.first_i_m[last_m] + stored.num_i_m[last_m] - first_i
    media, row = ranges(first_i, counts), np.repeat(np.flatnonzero(moved_r), counts)
    is_media = stored.media_i[media]
    media, row = media[is_media], row[is_media]
    spoken = np.flatnonzero(~stored.system_m[plan.message_m])
    target_m = spoken[np.searchsorted(plan.row_m[spoken], row)]
    assert (plan.row_m[target_m] == row).all(), "a turn has a message that is not system"
    place = np.searchsorted(plan.message_i, target_m)
    return replace(
        plan,
        item_i=np.insert(plan.item_i, place, media),
        message_i=np.insert(plan.message_i, place, target_m),
    )
