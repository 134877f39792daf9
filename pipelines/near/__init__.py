"""Near duplicates: what is measured of a text or a medium, which pairs are alike, and what stays.

    words -> shingles -> signatures       of one text alone: facts that a store keeps
    candidates -> jaccard                 pairs of texts, found by keys and then verified
    image_hashes, image_tiles -> image_codes      of one image alone
    image_lookup, image_boxes -> image_verify     pairs of images, found by codes and then verified
    clip_codes -> clip_align, clip_verify -> clip_pairs   of a clip's frames; pairs, with an offset
    kept                                  one stays of those that are alike

Pure: arrays in, arrays out. No result depends on the order of what is given or on how it is parted.
"""

# Bump it when the same codes of media and settings give other pairs.
MEDIA_VERSION = 3
