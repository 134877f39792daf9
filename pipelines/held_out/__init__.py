"""Rows held out of training, by what they show: after duplicates are gone, before quotas."""
