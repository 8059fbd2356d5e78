"""Reports: figures, pages and exports. Nothing here decides anything."""
