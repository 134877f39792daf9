"""The only layer that binds names to objects and touches Ray: curate, resolve, emit, CLI."""
