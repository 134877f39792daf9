"""`mixture browse`: a build or a store as pages on loopback, of any size.

`server.py` lets in who knows the token, `site.py` knows the pages and `page.py` fills them in.
`samples.py` reads what a build holds, `entries.py` its ledger, `store_rows.py` rows of a store;
`scores.py` what filters measured of rows, `thresholds.py` what others would drop. What a page shows
is read for that page; of a question that was asked is kept one bit a row (`selected.py`).
"""
