"""Systems that speak HTTP: reports go to them, and earlier films come from an archive among them."""
