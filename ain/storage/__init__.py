"""What lies on disk: records and columns, images, tables, the ledger, and how files are written."""
