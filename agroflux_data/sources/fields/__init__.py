"""What a user's tables say of the fields: soils, management, weather."""
