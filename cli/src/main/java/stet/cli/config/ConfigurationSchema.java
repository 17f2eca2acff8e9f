package stet.cli.config;

import stet.repository.json.JsonObject;

/** The configuration as JSON Schema, made from the definition that reads it. */
final class ConfigurationSchema {
  /** The newest draft that editors support throughout. */
  private static final String DRAFT = "http://json-schema.org/draft-07/schema#";

  private ConfigurationSchema() {}

  static JsonObject of(Kinds kinds) {
    return new JsonObject()
        .put("$schema", DRAFT)
        .put("title", "Configuration of stet")
        .putAll(Definition.ROOT.schema(kinds))
        .put(
            "definitions",
            new JsonObject().put(StateShape.COMPONENT, StateShape.componentSchema(kinds)));
  }
}
