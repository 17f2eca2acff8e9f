package stet.engine.files;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Which entries of a tree are left out, in the rules of {@code .gitignore}:
 *
 * <ul>
 *   <li>A pattern without a slash, or with one only at its end, is held against the name of every
 *       entry at any depth: {@code *.tmp}, {@code cache/}.
 *   <li>A pattern with a slash at its beginning or in the middle is held against the path from the
 *       component's directory: {@code /tmp}, {@code thumbs/*.jpg}.
 *   <li>{@code *}, {@code ?} and {@code [a-z]} never match a slash; {@code **} as a whole name
 *       matches any number of directories, at the end everything below.
 *   <li>A slash at the end restricts the pattern to directories.
 *   <li>{@code !} at the beginning brings back what an earlier pattern left out, unless a directory
 *       above is left out; the last pattern that matches decides. A backslash takes the next
 *       character as it is, such as a {@code !} that is part of the name.
 * </ul>
 *
 * <p>Unlike in a file of patterns, {@code #} and spaces have no meaning of their own.
 */
final class Exclusions {
  /** Nothing is left out. */
  static final Exclusions NONE = new Exclusions(List.of());

  private final List<Pattern> patterns;

  private Exclusions(List<Pattern> patterns) {
    this.patterns = patterns;
  }

  /**
   * One pattern.
   *
   * @param names what each name of the path must match; null for any number of names
   */
  private record Pattern(List<@Nullable Glob> names, boolean directoriesOnly, boolean bringsBack) {}

  /**
   * Parses patterns.
   *
   * @throws IllegalArgumentException naming the pattern and what is wrong with it
   */
  static Exclusions parse(List<String> texts) {
    List<Pattern> patterns = new ArrayList<>();
    for (String text : texts) {
      try {
        patterns.add(pattern(text));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("pattern \"" + text + "\" " + e.getMessage(), e);
      }
    }
    return new Exclusions(List.copyOf(patterns));
  }

  private static Pattern pattern(String text) {
    boolean bringsBack = text.startsWith("!");
    String rest = bringsBack ? text.substring(1) : text;
    boolean directoriesOnly = rest.endsWith("/");
    if (directoriesOnly) {
      rest = rest.substring(0, rest.length() - 1);
    }
    boolean anchored = rest.indexOf('/') >= 0;
    if (rest.startsWith("/")) {
      rest = rest.substring(1);
    }
    List<@Nullable Glob> names = new ArrayList<>();
    if (!anchored) {
      names.add(null);
    }
    for (String name : rest.split("/", -1)) {
      if (name.isEmpty()) {
        throw new IllegalArgumentException(
            rest.isEmpty() ? "names nothing" : "has an empty name between two slashes");
      }
      if (name.equals(".") || name.equals("..")) {
        throw new IllegalArgumentException("has a name " + name + ", which no entry has");
      }
      names.add(name.equals("**") ? null : Glob.parse(name));
    }
    return new Pattern(names, directoriesOnly, bringsBack);
  }

  boolean isEmpty() {
    return patterns.isEmpty();
  }

  /**
   * Whether an entry is left out.
   *
   * @param path the names from the component's directory to the entry, each as {@link
   *     Glob#characters} gives it
   */
  boolean excludes(List<int[]> path, boolean directory) {
    for (int i = patterns.size() - 1; i >= 0; i--) {
      Pattern pattern = patterns.get(i);
      if ((directory || !pattern.directoriesOnly) && matches(pattern.names, 0, path, 0)) {
        return !pattern.bringsBack;
      }
    }
    return false;
  }

  private static boolean matches(List<@Nullable Glob> names, int name, List<int[]> path, int at) {
    if (name == names.size()) {
      return at == path.size();
    }
    Glob glob = names.get(name);
    if (glob != null) {
      return at < path.size()
          && glob.matches(path.get(at))
          && matches(names, name + 1, path, at + 1);
    }
    // At the end it stands for at least one name: what lies below, not the directory itself.
    int least = name == names.size() - 1 ? at + 1 : at;
    for (int next = least; next <= path.size(); next++) {
      if (matches(names, name + 1, path, next)) {
        return true;
      }
    }
    return false;
  }
}
