"""The contract: messages, subjects and ids that processes share. Nothing here does I/O."""
