"""Configs: tiles and schedules of the library's kernels."""

import collections.abc
import ctypes

from ._library import InvalidArgument, check, lib, made, text, type_name


def assignment(member, value):
    if hasattr(value, "item"):  # of a number of NumPy's
        value = value.item()
    if isinstance(value, bool):
        value = str(value).lower()
    return text(f"{member}={value}", "a member of a config")


class Config:
    """Members of a kernel's config that shall not have their default; the others are chosen for each problem.

        kiln.Config("paged_attention_decode", block_n=64, num_stages=3)
    """

    def __init__(self, kernel, **members):
        self.kernel = kernel
        self._adopt(made(lib.kiln_config_create, text(kernel, "Config: kernel")))
        for member, value in members.items():
            check(lib.kiln_config_set(self.handle, assignment(member, value)))

    def _adopt(self, handle):
        self.handle = handle

    @classmethod
    def _of_handle(cls, kernel, handle):
        config = cls.__new__(cls)
        config.kernel = kernel
        config._adopt(handle)
        return config

    def __getitem__(self, member):
        """The value of a member that was set."""
        value = ctypes.c_double()
        check(lib.kiln_config_get(self.handle, text(member, "a member of a config"), ctypes.byref(value)))
        return int(value.value)

    def members(self):
        """The names of all members."""
        names = []
        while name := lib.kiln_config_member(self.handle, len(names)):
            names.append(name.decode())
        return names

    def __del__(self):
        if getattr(self, "handle", None):
            lib.kiln_config_release(self.handle)


def handle_of(kernel, config):
    """The library's handle of a Config, of a dict of members or of None, and what must live as long."""
    if config is None:
        return None, None
    if not isinstance(config, Config):
        if not isinstance(config, collections.abc.Mapping):
            raise InvalidArgument(f"{kernel}: config is of type {type_name(config)}, must be a kiln.Config, a dict of members or None")
        config = Config(kernel, **config)
    return config.handle, config
