package stet.engine.postgres.connection;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import stet.repository.backend.Reason;

/** libpq's {@code pg_service.conf}: connection parameters by service name. */
final class ServiceFile {
  private ServiceFile() {}

  /** The parameters of a service, or null if the file has no such section. */
  static @Nullable Map<String, String> find(Path file, String service) {
    List<String> lines;
    try {
      lines = Files.readAllLines(file);
    } catch (IOException e) {
      throw Conninfo.error("cannot read service file " + file + ": " + Reason.of(e), null);
    }
    Map<String, String> values = null;
    for (int number = 1; number <= lines.size(); number++) {
      String line = lines.get(number - 1).strip();
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      if (line.startsWith("[")) {
        if (values != null) {
          return values;
        }
        if (line.startsWith("[" + service + "]")) {
          values = new LinkedHashMap<>();
        }
        continue;
      }
      if (values == null) {
        continue;
      }
      String where = file + ":" + number + ": ";
      int equals = line.indexOf('=');
      if (line.startsWith("ldap")) {
        throw Conninfo.error(where + "looking up services by LDAP is not supported", null);
      }
      if (equals < 0) {
        throw Conninfo.error(where + "expected key=value", null);
      }
      String key = line.substring(0, equals);
      if (key.equals("service") || key.equals("servicefile")) {
        throw Conninfo.error(where + "a service cannot name another service", null);
      }
      if (!Conninfo.PARAMETERS.containsKey(key)) {
        throw Conninfo.error(where + "unknown connection parameter \"" + key + "\"", null);
      }
      values.putIfAbsent(key, line.substring(equals + 1));
    }
    return values;
  }
}
