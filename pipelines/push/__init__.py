"""`mixture push`: a build as a dataset repository of the Hub (docs/push.md)."""
