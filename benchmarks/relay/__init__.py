"""How many telephone legs one core carries: Callscribe, and bare relays beside it."""
