package stet.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import stet.repository.json.JsonObject;

/**
 * The documents that the manual's page on JSON tells of, to compare with those that the program
 * prints.
 */
final class JsonPage {
  private static final Pattern ROW = Pattern.compile("(?m)^\\| (`.*`) \\| (.*`\\{.*) \\|$");
  private static final Pattern CODE = Pattern.compile("`([^`]+)`");
  private static final Pattern TOKEN =
      Pattern.compile("\\s*([{}\\[\\]:,]|\\w+\\??|\"\\w+\"|\\.{3})");

  private final Map<String, List<Shape>> shapes = new LinkedHashMap<>();

  JsonPage() throws IOException {
    for (MatchResult row :
        ROW.matcher(Files.readString(Path.of("../docs/json.md"))).results().toList()) {
      List<Shape> documents = shapes(codes(row.group(2)));
      for (String command : codes(row.group(1))) {
        shapes.computeIfAbsent(command, _ -> new ArrayList<>()).addAll(documents);
      }
    }
  }

  private static List<String> codes(String cell) {
    return CODE.matcher(cell).results().map(code -> code.group(1)).toList();
  }

  private static List<Shape> shapes(List<String> texts) {
    return texts.stream().filter(text -> text.startsWith("{")).map(JsonPage::shape).toList();
  }

  /**
   * What stands in a table for a document, such as {@code {message_type: "x", tags: [{a, b?}]}}.
   */
  static Shape shape(String text) {
    Matcher tokens = TOKEN.matcher(text);
    List<String> all = new ArrayList<>();
    int end = 0;
    while (tokens.find() && tokens.start() == end) {
      all.add(tokens.group(1));
      end = tokens.end();
    }
    if (end != text.length()) {
      throw new IllegalArgumentException("not a shape from " + end + " on: " + text);
    }
    return new Parser(text, all).value();
  }

  /**
   * Compares a document with those of a command.
   *
   * @throws AssertionError if it is like none of them
   */
  void printed(String command, JsonObject document) {
    List<String> complaints = new ArrayList<>();
    for (Shape shape : shapes.getOrDefault(command, List.of())) {
      String complaint = shape.complaint(document, "");
      if (complaint == null) {
        shape.see(document);
        return;
      }
      complaints.add(complaint + ", which is told as " + shape.text);
    }
    throw new AssertionError(
        "the page knows no such document of `" + command + "`: " + document + "\n" + complaints);
  }

  /** What the page tells of and nothing printed so far has had. */
  List<String> unseen() {
    List<String> result = new ArrayList<>();
    shapes.forEach(
        (command, documents) -> documents.forEach(shape -> shape.unseen(command + " ", result)));
    return result;
  }

  /** The commands with the text of their documents. */
  Map<String, List<String>> texts() {
    Map<String, List<String>> result = new LinkedHashMap<>();
    shapes.forEach((command, documents) ->
        result.put(command, documents.stream().map(shape -> shape.text).toList()));
    return result;
  }

  /** What a value may be. */
  static final class Shape {
    final String text;

    /** By key; empty if the value is no object. */
    private final Map<String, Shape> members = new LinkedHashMap<>();

    private final List<String> optional = new ArrayList<>();
    private final List<String> words = new ArrayList<>();
    private Shape element;
    private boolean anything;
    private boolean seen;

    private Shape(String text) {
      this.text = text;
    }

    private String complaint(Object value, String at) {
      if (anything) {
        return null;
      }
      if (element != null) {
        return value instanceof List<?> list
            ? list.stream()
                .map(each -> element.complaint(each, at + "[]"))
                .filter(complaint -> complaint != null)
                .findFirst()
                .orElse(null)
            : at + " is no list";
      }
      if (members.isEmpty()) {
        return plainComplaint(value, at);
      }
      if (!(value instanceof JsonObject object)) {
        return at + " is no object";
      }
      for (String key : object.keys()) {
        if (!members.containsKey(key)) {
          return "it has " + at + "." + key;
        }
        String complaint = members.get(key).complaint(object.get(key), at + "." + key);
        if (complaint != null) {
          return complaint;
        }
      }
      return members.keySet().stream()
          .filter(key -> !object.has(key) && !optional.contains(key))
          .map(key -> "it has no " + at + "." + key)
          .findFirst()
          .orElse(null);
    }

    private String plainComplaint(Object value, String at) {
      if (value instanceof JsonObject
          || (value instanceof List<?> list
              && list.stream().anyMatch(JsonObject.class::isInstance))) {
        return "it has members in " + at;
      }
      return words.isEmpty() || words.contains(value) ? null : at + " is " + value;
    }

    private void see(Object value) {
      seen = true;
      if (element != null) {
        ((List<?>) value).forEach(element::see);
      }
      if (value instanceof JsonObject object) {
        members.forEach((key, member) -> {
          if (object.has(key)) {
            member.see(object.get(key));
          }
        });
      }
    }

    private void unseen(String at, List<String> result) {
      if (!seen) {
        result.add(at + (members.isEmpty() ? "" : text));
        return;
      }
      if (element != null) {
        element.unseen(at + "[]", result);
      }
      members.forEach((key, member) -> member.unseen(at + "." + key, result));
    }
  }

  private static final class Parser {
    private final String text;
    private final List<String> tokens;
    private int next;

    Parser(String text, List<String> tokens) {
      this.text = text;
      this.tokens = tokens;
    }

    private boolean accept(String token) {
      boolean there = next < tokens.size() && tokens.get(next).equals(token);
      next += there ? 1 : 0;
      return there;
    }

    private void expect(String token) {
      if (!accept(token)) {
        throw new IllegalArgumentException("no " + token + " at token " + next + " of " + text);
      }
    }

    Shape value() {
      Shape shape = new Shape(text);
      if (accept("[")) {
        shape.element = value();
        expect("]");
      } else if (accept("{")) {
        do {
          if (accept("...")) {
            shape.anything = true;
          } else {
            member(shape);
          }
        } while (accept(","));
        expect("}");
      } else {
        do {
          shape.words.add(tokens.get(next++).replace("\"", ""));
        } while (accept("or"));
      }
      return shape;
    }

    private void member(Shape shape) {
      String key = tokens.get(next++);
      String name = key.replace("?", "");
      if (!name.equals(key)) {
        shape.optional.add(name);
      }
      shape.members.put(name, accept(":") ? value() : new Shape(name));
    }
  }
}
