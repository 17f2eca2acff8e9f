package stet.cli.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.nodes.Node;
import stet.repository.json.JsonObject;

/** A secret, which may stand in the text itself, in a file, or come from a command. */
record SecretShape() implements Shape<Secret> {
  private static final Shape<List<String>> COMMAND = new Listing<>(Shapes.TEXT, true);

  /** The three names of the key. */
  static List<String> names(String key) {
    return List.of(key, key + "_file", key + "_command");
  }

  @Override
  public String expected() {
    return "text";
  }

  @Override
  public JsonObject schema(Kinds kinds) {
    return Shapes.TEXT.schema(kinds);
  }

  /** The schema of a form that {@link #names} gives. */
  static JsonObject schema(String key, String name, String documentation, Kinds kinds) {
    if (name.equals(key)) {
      return Shapes.TEXT.schema(kinds).put("description", documentation);
    }
    return name.endsWith("_command")
        ? COMMAND
            .schema(kinds)
            .put("description", documentation + " Printed by a program: it and its arguments.")
        : Shapes.PATH.schema(kinds).put("description", documentation + " In a file: its path.");
  }

  @Override
  public @Nullable Secret read(Node node, Place place) {
    String text = Shapes.TEXT.read(node, place);
    return text == null ? null : Secret.text(text);
  }

  /** Reads the form of {@code key} that {@code name} is. */
  @Nullable Secret read(String key, String name, Node node, Place place) {
    if (name.equals(key)) {
      Secret secret = read(node, place);
      String text = Reading.rawText(node);
      boolean secretInText = !isConnection(key) || !Redaction.mask(text).equals(text);
      if (secret != null && secretInText && !Variables.hasAny(text)) {
        place.reading().secretInText(node, place);
      }
      return secret;
    }
    String origin = place.origin(node);
    if (name.endsWith("_command")) {
      List<String> command = place.reading().within(node, place, COMMAND);
      return command == null ? null : Secret.command(command, origin);
    }
    Path file = Shapes.PATH.read(node, place);
    if (file == null) {
      return null;
    }
    checkFile(file, node, place);
    return Secret.file(file, origin);
  }

  private static void checkFile(Path file, Node node, Place place) {
    if (!Files.exists(file)) {
      place.problemHere(
          node,
          "the file " + file + " does not exist",
          "Put the secret into it, readable by the user that runs stet alone.");
    } else if (!Files.isReadable(file) || Files.isDirectory(file)) {
      place.problemHere(
          node,
          "the file " + file + " cannot be read",
          "Make it a file that the user who runs stet can read.");
    } else if (isReadableByAll(file)) {
      place.warning(
          node,
          "the file " + file + " can be read by every user of this machine",
          "Run `chmod 600 " + file + "`.");
    }
  }

  /** Whether a key holds a connection's description, which may or may not have a password in it. */
  static boolean isConnection(String key) {
    return key.equals("url") || key.endsWith("_url");
  }

  /** Whether a file's mode lets everybody read it; false where modes are not known. */
  static boolean isReadableByAll(Path file) {
    try {
      PosixFileAttributeView view =
          Files.getFileAttributeView(file, PosixFileAttributeView.class, new LinkOption[0]);
      return view != null
          && view.readAttributes().permissions().contains(PosixFilePermission.OTHERS_READ)
          && Files.isRegularFile(file);
    } catch (IOException e) {
      return false;
    }
  }
}
