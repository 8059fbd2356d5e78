"""What people write down of site, room, people and equipment: ``site.toml`` and ``equipment.toml``."""
