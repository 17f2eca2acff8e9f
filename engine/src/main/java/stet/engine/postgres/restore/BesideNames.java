package stet.engine.postgres.restore;

import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import stet.engine.component.Target.Role;
import stet.repository.Id;

/**
 * Names of the databases beside a live one: {@code shop.staging-0a1b2c3d}, {@code
 * shop.previous-0a1b2c3d}.
 *
 * <p>The server cuts names to {@value #MAX_BYTES} bytes. Where that would happen the live name is
 * cut instead, at a character, and gets {@code ~} and digits of its hash, so that the databases of
 * two long names with the same beginning never mix.
 */
final class BesideNames {
  /** {@code NAMEDATALEN} - 1. */
  static final int MAX_BYTES = 63;

  /** Room for {@code .previous-} and an operation's id of eight digits. */
  private static final int MAX_BASE = MAX_BYTES - ".previous-".length() - 8;

  private static final int HASH_DIGITS = 6;

  private final Pattern pattern;
  private final String base;

  BesideNames(String live) {
    this.base = base(live);
    this.pattern = Pattern.compile(Pattern.quote(base) + "\\.(staging|previous)-([0-9a-f]{8})");
  }

  private static String base(String live) {
    byte[] bytes = live.getBytes(StandardCharsets.UTF_8);
    if (bytes.length <= MAX_BASE) {
      return live;
    }
    int end = MAX_BASE - HASH_DIGITS - 1;
    while ((bytes[end] & 0xc0) == 0x80) {
      end--;
    }
    return new String(bytes, 0, end, StandardCharsets.UTF_8)
        + "~"
        + Id.of(bytes).toString().substring(0, HASH_DIGITS);
  }

  /** The name of the state that an operation makes. */
  String of(Role role, String operation) {
    String name = base + "." + role.name().toLowerCase(Locale.ROOT) + "-" + operation;
    if (!pattern.matcher(name).matches()) {
      throw new IllegalArgumentException(
          "an operation's id has 8 hexadecimal digits, not \"" + operation + "\"");
    }
    return name;
  }

  /** What a database's name says, or null if it is none of these names. */
  @Nullable Parsed parse(String name) {
    Matcher matcher = pattern.matcher(name);
    if (!matcher.matches()) {
      return null;
    }
    Role role = matcher.group(1).equals("staging") ? Role.STAGING : Role.PREVIOUS;
    return new Parsed(role, matcher.group(2));
  }

  /** The parts of a name. */
  record Parsed(Role role, String operation) {}
}
