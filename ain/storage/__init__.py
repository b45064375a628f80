"""Files on disk: records and their columns, images, tables, the ledger, and how files are written."""
