"""Dates and times as tables write them: one format for a column, found, read and written by the same few directives.

Directives are strftime's, `%-d` meaning without a leading zero, and `%3f` three digits of a second's fraction.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
FIELDS = {"Y": "[0-9]{4}", "m": "[0-9]{2}", "d": "[0-9]{2}", "H": "[0-9]{2}", "M": "[0-9]{2}", "S": "[0-9]{2}", "I": "[0-9]{2}",
          "b": "|".join(MONTHS), "p": "AM|PM"}  # fmt: skip
DIRECTIVE = re.compile(r"%(-|[1-9])?([A-Za-z])")
ZONE = re.compile(r"[0-9](Z|[+-][0-9]{2}:?[0-9]{2}| UTC)$")
FIRST = {"-": ("%Y-%m-%d", "%m-%d-%Y", "%d-%m-%Y", "%d-%b-%Y"), "/": ("%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y"),
         ".": ("%d.%m.%Y", "%Y.%m.%d"), " ": ("%d %b %Y", "%b %d %Y")}  # fmt: skip
TIMES = ("%H:%M:%S", "%H:%M", "%I:%M %p", "%I:%M:%S %p", *(f"%H:%M:%S.%{digits}f" for digits in range(1, 10)))


def find(texts: Sequence[str]) -> list[str]:
    """The formats that read every one of the different texts: none, one, or two where day and month cannot be told apart."""
    found: list[str] = []
    for candidate in _candidates(texts[0]):
        if read(candidate, texts[:1]) is not None and read(candidate, texts) is not None:
            plain = candidate.replace("%-", "%")
            if all(plain != other.replace("%-", "%") for other in found):
                found.append(candidate)
    return found


def _candidates(text: str) -> list[str]:
    zone = ZONE.search(text) if ":" in text else None
    dates = [date for separator, several in FIRST.items() if separator in text for date in several]
    dates += [date.replace("%m", "%-m").replace("%d", "%-d") for date in dates]
    times = [""] if ":" not in text else [
        f"{join}{time}"
        for join in (" ", "T") for each in TIMES for time in (each, each.replace("%H", "%-H").replace("%I", "%-I"))
    ]  # fmt: skip
    return [f"{date}{time}{zone.group(1) if zone else ''}" for date in dates for time in times]


@lru_cache(maxsize=4096)
def _compiled(form: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    pattern, fields, at = "", [], 0
    for found in DIRECTIVE.finditer(form):
        flag, field = found.groups()
        digits = f"[0-9]{{{flag}}}" if field == "f" else "0|[1-9][0-9]?" if flag == "-" else FIELDS[field]
        pattern += f"{re.escape(form[at : found.start()])}({digits})"
        fields.append(field)
        at = found.end()
    return re.compile(pattern + re.escape(form[at:])), tuple(fields)


def known(form: str) -> bool:
    """Whether a format can be read and written: a year, a month and a day, directives of this module only."""
    fields = [field for flag, field in DIRECTIVE.findall(form) if field in FIELDS or (field == "f" and flag.isdigit())]
    rest = DIRECTIVE.sub("", form)
    dated = "Y" in fields and "d" in fields and ("m" in fields) != ("b" in fields)
    return dated and len(fields) == len(set(fields)) == len(DIRECTIVE.findall(form)) and "%" not in rest


def read(form: str, texts: Sequence[str]) -> np.ndarray | None:
    """(n,) datetime64[us], or [ns] where the format has more than six digits of a second; None where a text does not fit."""
    pattern, fields = _compiled(form)
    matches = [pattern.fullmatch(text) for text in texts]
    if not all(matches):
        return None
    rows = [match.groups() for match in matches if match]
    part = {name: column for name, column in zip(fields, zip(*rows, strict=True), strict=True)} if rows else {}
    number = {name: np.array([int(each) for each in cells], np.int64) for name, cells in part.items() if name not in "bpf"}
    if "b" in part:
        number["m"] = np.array([MONTHS.index(each) + 1 for each in part["b"]], np.int64)
    zero = np.zeros(len(texts), np.int64)
    hour = number.get("H", zero)
    if "I" in number:
        if np.any((number["I"] < 1) | (number["I"] > 12)):
            return None
        hour = number["I"] % 12 + 12 * np.array([each == "PM" for each in part["p"]])
    year, month, day, minute, second = (number.get(name, zero) for name in ("Y", "m", "d", "M", "S"))
    if rows and np.any((year < 1) | (month < 1) | (month > 12) | (day < 1) | (hour > 23) | (minute > 59) | (second > 59)):
        return None
    months = ((year - 1970) * 12 + month - 1).astype("M8[M]")
    days = months.astype("M8[D]") + (day - 1)
    if np.any(days.astype("M8[M]") != months):
        return None
    unit = "ns" if resolution(form) < 1 else "us"
    if unit == "ns" and np.any((year < 1678) | (year > 2261)):
        return None
    parts = [int(each.ljust(9, "0")) for each in part["f"]] if "f" in part else zero
    fraction = np.asarray(parts, np.int64) // (1 if unit == "ns" else 1000)
    seconds = hour * 3600 + minute * 60 + second
    return days.astype(f"M8[{unit}]") + seconds.astype("m8[s]") + fraction.astype(f"m8[{unit}]")


def resolution(form: str) -> float:
    """The format's smallest step in microseconds: a day 86,400,000,000; below 1 with more than six digits of a second."""
    found = dict((field, flag) for flag, field in DIRECTIVE.findall(form))
    if "f" in found:
        return 10.0 ** (6 - int(found["f"]))
    return 1e6 * (1 if "S" in found else 60 if "M" in found else 3600 if {"H", "I"} & set(found) else 86400)


def write(form: str, when: np.ndarray) -> list[str]:
    """(n,) datetime64 without NaT -> texts."""
    when = when.astype("M8[ns]" if resolution(form) < 1 else "M8[us]")
    days = when.astype("M8[D]")
    months = days.astype("M8[M]")
    seconds = when.astype("M8[s]") - days
    within = seconds.astype(np.int64)
    hour = within // 3600
    numbers = {"Y": months.astype("M8[Y]").astype(np.int64) + 1970, "m": months.astype(np.int64) % 12 + 1,
               "d": (days - months).astype(np.int64) + 1, "H": hour, "I": (hour + 11) % 12 + 1,
               "M": within // 60 % 60, "S": within % 60}  # fmt: skip
    columns, template, at = [], "", 0
    for place, found in enumerate(DIRECTIVE.finditer(form)):
        flag, field = found.groups()
        template += form[at : found.start()].replace("{", "{{").replace("}", "}}")
        at = found.end()
        if field in "bp":
            texts = np.array(MONTHS)[numbers["m"] - 1] if field == "b" else np.where(hour < 12, "AM", "PM")
            columns.append(texts.tolist())
            template += f"{{{place}}}"
        elif field == "f":
            fraction = (when - when.astype("M8[s]")).astype("m8[ns]").astype(np.int64) // 10 ** (9 - int(flag))
            columns.append(fraction.tolist())
            template += f"{{{place}:0{flag}d}}"
        else:
            columns.append(numbers[field].tolist())
            template += f"{{{place}:d}}" if flag == "-" else f"{{{place}:0{4 if field == 'Y' else 2}d}}"
    template += form[at:].replace("{", "{{").replace("}", "}}")
    return list(map(template.format, *columns))
