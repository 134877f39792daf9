"""JSON Schema (Draft 2020-12) of recipe files, for editors: completion, hover text, red lines.

`python -m mixtures.recipe_schema` writes recipe.schema.json beside this module. What a schema
cannot say (sums of shares, names of sources, conditions) is for `load_recipe`.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from mixtures.component import SIZES
from mixtures.processors import PROCESSORS
from mixtures.recipe import Recipe

SCHEMA_FILE = Path(__file__).parent / "recipe.schema.json"

_Schema = dict[str, Any]

# Filters are a mapping of names to parameters, or a list of names.
_NAMES_TOO: _Schema = {"type": ["object", "array"], "items": {"type": "string"}}


def recipe_schema() -> _Schema:
    """The schema, generated from the models."""
    schema = Recipe.model_json_schema(mode="validation")
    component = schema["$defs"]["Component"]
    schema["$defs"]["Override"] = _override(component)
    component["oneOf"] = [_given(size) for size in SIZES]
    properties = schema["properties"]
    _name_processors(properties["processor"])
    properties["extends"] = {
        "type": "string",
        "description": "a recipe to start from: built-in name, or path from this file's folder",
    }
    required = schema.pop("required")
    properties["components"].pop("items")
    schema["if"] = {"required": ["extends"]}
    schema["then"] = {"required": ["name"], "properties": {"components": _items("Override")}}
    schema["else"] = {"required": required, "properties": {"components": _items("Component")}}
    properties["filters"] |= _NAMES_TOO
    for key in ("filters", "local"):
        entries = properties[key].pop("additionalProperties")
        schema["else"]["properties"][key] = {"additionalProperties": entries}
        schema["then"]["properties"][key] = {"additionalProperties": _or_null(entries)}
    _say_policies(schema)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """What recipe.schema.json holds."""
    return json.dumps(recipe_schema(), indent=2, sort_keys=True) + "\n"


def _say_policies(schema: _Schema) -> None:
    """Of a recipe that extends another, null leaves out a policy or a filter of one."""
    said = schema["properties"]["policies"].pop("additionalProperties")
    said |= _NAMES_TOO
    choice = said["additionalProperties"]
    nullable = _or_null({**said, "additionalProperties": _or_null(choice)})
    schema["else"]["properties"]["policies"] = {"additionalProperties": said}
    schema["then"]["properties"]["policies"] = {"additionalProperties": nullable}


def _or_null(said: _Schema) -> _Schema:
    return {"anyOf": [said, {"type": "null"}]}


def _items(model: str) -> _Schema:
    return {"items": {"$ref": f"#/$defs/{model}"}}


def _given(size: str) -> _Schema:
    return {"required": [size], "properties": {size: {"not": {"type": "null"}}}}


def _override(component: _Schema) -> _Schema:
    """A component of a recipe that extends another: its name, and what is different."""
    override = copy.deepcopy(component)
    override["title"] = "Override"
    override["description"] = "What is different of the extended recipe's component of this name."
    override["required"] = ["name"]
    properties = override["properties"]
    properties["components"]["items"] = {"$ref": "#/$defs/Override"}
    properties["remove"] = {"const": True, "description": "leave it out; stands with its name"}
    return override


def _name_processors(processor: _Schema) -> None:
    for option in processor["oneOf"]:
        if option.get("type") == "string":
            option["enum"] = sorted(PROCESSORS)


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="ascii")
