// SPDX-License-Identifier: Apache-2.0
#include <cordon/policy.hpp>

namespace cordon {
std::string_view policy_schema() {
  return R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Cordon policy", "type": "object", "required": ["version"], "additionalProperties": false,
  "$defs": {
    "rules": {"type": "array", "items": {"type": "string", "minLength": 1}},
    "duration": {"type": ["string", "integer"], "pattern": "^[0-9]+(ms|s|m|h)?$", "minimum": 1},
    "size": {"type": ["string", "integer"], "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB|KB|MB|GB)?$", "minimum": 1},
    "count": {"type": ["string", "integer"], "pattern": "^[0-9]+$", "minimum": 1}
  },
  "properties": {
    "version": {"const": 1},
    "extends": {"description": "a preset, or a file relative to this one", "type": "string", "minLength": 1},
    "fs": {"type": "object", "additionalProperties": false, "properties": {
      "allow_write": {"$ref": "#/$defs/rules"}, "deny_write": {"$ref": "#/$defs/rules"},
      "allow_read": {"$ref": "#/$defs/rules"}, "deny_read": {"$ref": "#/$defs/rules"},
      "also": {"description": "each of these must allow, too; composition writes them", "type": "array",
        "items": {"type": "object", "additionalProperties": false, "properties": {
          "allow_write": {"$ref": "#/$defs/rules"}, "deny_write": {"$ref": "#/$defs/rules"},
          "allow_read": {"$ref": "#/$defs/rules"}, "deny_read": {"$ref": "#/$defs/rules"}}}},
      "git_config": {"type": "boolean"}, "traps": {"enum": ["quarantine", "report"]}}},
    "net": {"type": "object", "additionalProperties": false, "properties": {
      "mode": {"enum": ["none", "filtered", "host"]}, "allow": {"$ref": "#/$defs/rules"}, "deny": {"$ref": "#/$defs/rules"},
      "listen": {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 65535}},
      "upstream": {"description": "env, none, required or http://HOST:PORT", "type": "string", "minLength": 1}, "sni_check": {"type": "boolean"}, "private_addresses": {"type": "boolean"},
      "ca_bundle": {"type": "string", "minLength": 1},
      "route": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^unix:."}}}},
    "exec": {"type": "object", "additionalProperties": false, "properties": {
      "allow": {"$ref": "#/$defs/rules"}, "deny": {"$ref": "#/$defs/rules"}, "nested_namespaces": {"type": "boolean"},
      "also": {"description": "each of these lists must allow, too", "type": "array", "items": {"$ref": "#/$defs/rules"}}}},
    "limits": {"type": "object", "additionalProperties": false, "properties": {
      "wall": {"$ref": "#/$defs/duration"}, "cpu": {"$ref": "#/$defs/duration"}, "memory": {"$ref": "#/$defs/size"},
      "processes": {"$ref": "#/$defs/count"}, "open_files": {"$ref": "#/$defs/count"},
      "file_size": {"$ref": "#/$defs/size"}, "output": {"$ref": "#/$defs/size"}}},
    "env": {"type": "object", "additionalProperties": false, "properties": {
      "pass": {"$ref": "#/$defs/rules"}, "set": {"type": "object", "additionalProperties": {"type": "string"}}}},
    "enforce": {"type": "object", "additionalProperties": false, "properties": {"require": {"enum": ["namespaces", "landlock", "any"]}}}
  }
})json";
}
}  // namespace cordon
