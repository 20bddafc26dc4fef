"""Lua callees: what their entries name, where their sources stand, and preparing them. Calls belong to the core."""
