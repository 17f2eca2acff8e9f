package stet.engine.files;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.ComponentKind;
import stet.engine.component.Setting;
import stet.engine.posix.PosixPath;

/** Directory trees ({@code - files: media}). */
public final class FilesKind implements ComponentKind {
  static final String KEY = "files";

  private static final String PATH = "path";
  private static final String EXCLUDE = "exclude";
  private static final String ON_CHANGE = "on_change";
  private static final String ON_UNREADABLE = "on_unreadable";

  @Override
  public String key() {
    return KEY;
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        new Setting(PATH, Setting.Type.PATH, true, "The directory, as an absolute path."),
        new Setting(
            EXCLUDE,
            Setting.Type.TEXTS,
            false,
            "Patterns of what is left out, with the rules of .gitignore."),
        new Setting(
            ON_CHANGE,
            Setting.Type.WORD,
            false,
            "What to do about a file that keeps changing while it is read: retry (read it again,"
                + " then fail), warn (read it again, then keep what was read) or fail.",
            words(FilesSettings.OnChange.values())),
        new Setting(
            ON_UNREADABLE,
            Setting.Type.WORD,
            false,
            "What to do about an entry that cannot be read: fail or skip.",
            words(FilesSettings.OnUnreadable.values())));
  }

  @Override
  public boolean hasFiles() {
    return true;
  }

  @Override
  public Component create(ComponentDefinition definition) {
    String text = definition.text(PATH);
    if (text == null || text.isEmpty()) {
      throw wrong(definition, PATH, "is missing", "Give the absolute path of the directory.");
    }
    if (text.indexOf('\0') >= 0) {
      throw wrong(definition, PATH, "holds a NUL character", null);
    }
    PosixPath path = PosixPath.of(text);
    if (!path.isAbsolute()) {
      throw wrong(
          definition,
          PATH,
          "must be an absolute path, not \"" + text + "\"",
          "Write the path from / on.");
    }
    if (path.names().isEmpty()) {
      throw wrong(definition, PATH, "must be a directory below /", null);
    }
    if (path.names().stream().anyMatch(name -> Arrays.equals(name, new byte[] {'.', '.'}))) {
      throw wrong(
          definition,
          PATH,
          "must not hold \"..\", but is \"" + text + "\"",
          "Write the path that it stands for.");
    }
    List<String> patterns = definition.texts(EXCLUDE);
    Exclusions exclusions;
    try {
      exclusions = Exclusions.parse(patterns);
    } catch (IllegalArgumentException e) {
      throw wrong(
          definition,
          EXCLUDE,
          e.getMessage(),
          "Put a backslash before a character meant as it is.");
    }
    return new FilesComponent(
        definition.name(),
        new FilesSettings(
            path,
            patterns,
            exclusions,
            word(definition, ON_CHANGE, FilesSettings.OnChange.RETRY),
            word(definition, ON_UNREADABLE, FilesSettings.OnUnreadable.FAIL)));
  }

  private static <E extends Enum<E>> E word(
      ComponentDefinition definition, String key, E otherwise) {
    String text = definition.text(key);
    if (text == null) {
      return otherwise;
    }
    E[] constants = otherwise.getDeclaringClass().getEnumConstants();
    for (E constant : constants) {
      if (word(constant).equals(text)) {
        return constant;
      }
    }
    String choice = String.join(", ", words(constants));
    throw wrong(definition, key, "unknown word \"" + text + "\"", "Use one of " + choice + ".");
  }

  private static List<String> words(Enum<?>... constants) {
    return Arrays.stream(constants).map(FilesKind::word).toList();
  }

  private static String word(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT);
  }

  private static StetException wrong(
      ComponentDefinition definition, String key, @Nullable String fact, @Nullable String hint) {
    return new StetException(
        ErrorCode.CONFIGURATION,
        definition.origin() + ": " + definition.name() + "." + key + ": " + fact,
        hint);
  }
}
