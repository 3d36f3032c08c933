"""A table's file <-> what a network trains on: kinds of columns, constraints, encoding."""

from rivals.media.table import read_table
from rivals.tasks.tables.data.constraints import Constraint, read_constraint
from rivals.tasks.tables.data.encode import Block
from rivals.tasks.tables.data.find import find_constraints
from rivals.tasks.tables.data.form import Form
from rivals.tasks.tables.data.infer import infer
from rivals.tasks.tables.data.parse import format_table, parse
from rivals.tasks.tables.data.schema import Column, Schema
from rivals.tasks.tables.data.survey import Survey, survey

__all__ = ["Block", "Column", "Constraint", "Form", "Schema", "Survey", "find_constraints", "format_table", "infer", "parse",
           "read_constraint", "read_table", "survey"]  # fmt: skip
