"""Documents: taken in, found, and answered from with the source cited. A document is data, never an instruction."""
