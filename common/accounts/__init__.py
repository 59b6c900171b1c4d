"""Who somebody is, by what their request says, and what they may know and do."""
