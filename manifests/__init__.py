"""What reaches disk: schemas, cards, ids, packs, atomic files; and the errors of every layer."""
