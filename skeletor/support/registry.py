"""Registries: the stages of one kind (refiners, lifters, ...) by name, each with its own checked options; and presets.

A stage registers itself where it is defined, when its module is imported:

    class SavgolOptions(RefineOptions):
        name: Literal["savgol"] = "savgol"
        window: int = 5

    @REFINERS.register(SavgolOptions, "Savitzky-Golay")
    def build_savgol(options: SavgolOptions) -> Refiner: ...

Each kind has a module `registry`, which imports all of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails, PydanticCustomError, to_jsonable_python

from skeletor.support.config import Config, check_values

Options = TypeVar("Options", bound=Config)  # what the options of all stages of a kind have in common
Stage = TypeVar("Stage")
Own = TypeVar("Own", bound=Config)  # the options of one stage
Built = TypeVar("Built")
C = TypeVar("C", bound=Config)


def _always() -> str | None:
    return None


@dataclass(frozen=True)
class Entry(Generic[Options, Stage]):
    """A registered stage. about: what it is, in a few words. unavailable: why it cannot work here; None if it can."""

    options: type[Options]
    about: str
    build: Callable[[Any], Stage]
    unavailable: Callable[[], str | None]

    @property
    def weighted(self) -> bool:
        """Whether it needs a file of weights: the option `weights` is one in all stages."""
        return "weights" in self.options.model_fields


class Registry(Mapping[str, Entry[Options, Stage]], Generic[Options, Stage]):
    """The stages of one kind: the default first, the others by name, whichever module was imported first.

    base: of all classes of options. key: the field that names the stage; a `Literal` with the name as its default.
    default: the stage that is meant where no name stands.
    """

    def __init__(self, base: type[Options], key: str, default: str) -> None:
        self._base, self._key, self._default = base, key, default
        self._entries: dict[str, Entry[Options, Stage]] = {}

    def register(
        self, options: type[Own], about: str, unavailable: Callable[[], str | None] = _always
    ) -> Callable[[Callable[[Own], Built]], Callable[[Own], Built]]:
        """A decorator for the function that builds the stage of these options.

        Raises ValueError if their name is missing or taken, or if they are not of this kind.
        """
        if not issubclass(options, self._base):
            raise ValueError(f"{options.__name__} is no {self._base.__name__}")
        name = options.model_fields[self._key].default
        if not isinstance(name, str) or name in self._entries:
            raise ValueError(f"{options.__name__}: {self._key} {name!r} is no name, or is taken")

        def add(build: Callable[[Own], Built]) -> Callable[[Own], Built]:
            self._entries[name] = Entry(options, about, build, unavailable)  # type: ignore[arg-type]
            return build

        return add

    def __getitem__(self, name: str) -> Entry[Options, Stage]:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries, key=lambda name: (name != self._default, name)))

    def __len__(self) -> int:
        return len(self._entries)

    def names(self, weighted: bool | None = None) -> tuple[str, ...]:
        """Of all stages; of those with weights or those without alone, if that is given."""
        return tuple(name for name, entry in self.items() if weighted in (None, entry.weighted))

    def parse(self, values: Any) -> Options:
        """The checked options that plain values describe; options pass as they are. Raises pydantic's ValidationError.

        What belongs to another stage is an error, unless it says what is the default there: configs and model folders
        of earlier versions hold the options of all stages.
        """
        if isinstance(values, self._base):
            return values
        if isinstance(values, str) and values in self._entries:  # as the commands' options take it
            self._refuse((), values, "value_error", f"a section is expected: write {{{self._key}: {values}}}")
        if not isinstance(values, Mapping):
            return self._entries[self._default].options.model_validate(values)  # pydantic says what is wrong
        name = values.get(self._key, self._default)
        if not isinstance(name, str) or name not in self._entries:
            self._refuse((self._key,), name, "literal_error", f"Input should be {_one_of(self)}")
        options = self._entries[name].options
        return options.model_validate({key: v for key, v in values.items() if not self._idle(key, v, name)})

    def check(self, values: Any, where: str) -> Options:
        """`parse`, with errors as of `skeletor.support.config.check_config`."""
        return check_values(values, self.parse, where)

    def build(self, options: Options) -> Stage:
        """The stage that options describe. What its builder raises comes through: InputError for bad weights, ..."""
        entry = self._entries[getattr(options, self._key)]
        assert type(options) is entry.options, f"{options!r} were not made by `parse`"
        return entry.build(options)

    def renamed(self, values: Any, name: str) -> Any:
        """Values for the stage `name`, made of those for another one.

        What it has no option for is dropped, and so are weights: they are of one stage alone.
        """
        if not isinstance(values, Mapping) or values.get(self._key, self._default) == name:
            return values or {self._key: name}
        kept = set(self._entries[name].options.model_fields) - {"weights"} if name in self._entries else set()
        return {**{key: value for key, value in values.items() if key in kept}, self._key: name}

    def _idle(self, key: Any, value: Any, name: str) -> bool:
        """Whether a value is the default of another stage's option; an error if it is another value of such a one."""
        if key in self._entries[name].options.model_fields:
            return False
        owners = {other: e.options.model_fields[key] for other, e in self.items() if key in e.options.model_fields}
        optional = [field for field in owners.values() if not field.is_required()]
        if any(value in _defaults(field) for field in optional):
            return True
        if owners:
            self._refuse((key,), value, "value_error", f"an option of {' and '.join(owners)}, not of {name}")
        return False  # of no stage at all: the options say so

    def _refuse(self, place: tuple[str, ...], value: Any, kind: Any, message: str) -> NoReturn:
        problem = PydanticCustomError(kind, "{text}", {"text": message})
        raise ValidationError.from_exception_data(
            self._base.__name__, [InitErrorDetails(type=problem, loc=place, input=value)]
        )


class Presets(Mapping[str, C], Generic[C]):
    """Named values of one config, whose field `preset` says which are meant where none are given."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[str, C]] = {}

    def register(self, name: str, about: str, values: C) -> C:
        """Add a preset; what `values` leaves out keeps the config's default. Gives it under its name."""
        if name in self._entries:
            raise ValueError(f"preset {name!r} is taken")
        named = values.model_copy(update={"preset": name})
        self._entries[name] = about, named
        return named

    def __getitem__(self, name: str) -> C:
        return self._entries[name][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def about(self, name: str) -> str:
        """What a preset is, in a few words."""
        return self._entries[name][0]

    def filled(self, raw: Any) -> Any:
        """Plain values with those of the preset that they name where they have none. ValueError if there is none."""
        if not (isinstance(raw, Mapping) and isinstance(raw.get("preset"), str)):
            return raw
        if raw["preset"] not in self._entries:
            raise ValueError(f"preset {raw['preset']!r} is none of {', '.join(self)}")
        return {**self[raw["preset"]].model_dump(exclude_unset=True), **raw}


def given_weights(options: Config) -> str | None:
    """The file of weights that the options of a stage name; None if they name none, or the stage needs none."""
    weights: str | None = getattr(options, "weights", None)
    return weights


def _defaults(field: FieldInfo) -> list[Any]:
    """The default of an option, and those of earlier versions, in `json_schema_extra={"earlier": [...]}`."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, Mapping) else {}
    earlier = extra.get("earlier", [])
    own = to_jsonable_python(field.get_default(call_default_factory=True))
    return [own, *(earlier if isinstance(earlier, list) else [])]


def _one_of(names: Mapping[str, Any]) -> str:
    *some, last = (repr(name) for name in names)
    return f"{', '.join(some)} or {last}" if some else last
