class _Executor:
    def disable_frontend_and_bprop_pipeline(self) -> None: ...

_pynative_executor: _Executor
