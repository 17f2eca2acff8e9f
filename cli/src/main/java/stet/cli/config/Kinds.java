package stet.cli.config;

import java.util.Collections;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.ComponentKind;

/** The component kinds that the configuration may use. */
public final class Kinds {
  private final Map<String, ComponentKind> kinds;

  private Kinds(Map<String, ComponentKind> kinds) {
    this.kinds = kinds;
  }

  /** These kinds. */
  public static Kinds of(Iterable<? extends ComponentKind> kinds) {
    Map<String, ComponentKind> byKey = new TreeMap<>();
    for (ComponentKind kind : kinds) {
      ComponentKind other = byKey.putIfAbsent(kind.key(), kind);
      if (other != null || kind.key().equals(StateShape.SET)) {
        throw new StetException(
            ErrorCode.FAILED,
            "the class path holds two component kinds \""
                + kind.key()
                + "\": "
                + (other == null ? "stet's own" : other.getClass().getName())
                + " and "
                + kind.getClass().getName(),
            "Remove one of the jars.");
      }
    }
    return new Kinds(Collections.unmodifiableMap(byKey));
  }

  /** All kinds on the class path. */
  public static Kinds onClassPath() {
    try {
      return of(ServiceLoader.load(ComponentKind.class));
    } catch (ServiceConfigurationError e) {
      throw new StetException(
          ErrorCode.FAILED,
          "a component kind on the class path cannot be loaded: " + e.getMessage(),
          "Remove its jar, or use one made for this version of stet.",
          e);
    }
  }

  /** The kind of that key, or null. */
  public @Nullable ComponentKind get(String key) {
    return kinds.get(key);
  }

  /** The keys in alphabetical order. */
  public Set<String> keys() {
    return kinds.keySet();
  }
}
