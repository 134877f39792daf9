"""What reaches disk: schemas, cards, ids, packs, atomic files, and the errors every layer raises."""
