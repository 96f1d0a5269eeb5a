"""Ring 0, facts: one file for each noun of the HTTP RFCs. Pure functions; nothing here can block, await or read a clock."""
