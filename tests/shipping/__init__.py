"""What brings Foresite to a machine, as far as it can be told without an engine: releases, the compose file."""
