"""What the pages of the notebook share: the table of elements, and how pages are put together."""
