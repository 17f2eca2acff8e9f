package stet.engine.postgres;

import stet.engine.component.RestoreContext;

final class Staging {
  private final String name;

  Staging(PostgresPlace place, RestoreContext context, String name) {
    this.name = name;
  }

  String build() {
    return name;
  }
}
