from typing import TypeVar

_Exception = TypeVar("_Exception", bound=type[Exception])

class ContainerBeingKilled(Exception): ...

def deserialize_to_instance(exc_type: _Exception) -> _Exception: ...
