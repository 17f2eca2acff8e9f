package stet.cli.config;

import java.util.List;
import stet.engine.ErrorCode;
import stet.engine.StetException;
import stet.engine.component.CaptureContext;
import stet.engine.component.Captured;
import stet.engine.component.Component;
import stet.engine.component.ComponentDefinition;
import stet.engine.component.ComponentKind;
import stet.engine.component.Operation;
import stet.engine.component.Setting;
import stet.engine.component.Target;

/** A third party's component kind with a setting of every type. It keeps nothing. */
public final class BoxKind implements ComponentKind {
  @Override
  public String key() {
    return "box";
  }

  @Override
  public List<Setting> settings() {
    return List.of(
        new Setting("path", Setting.Type.PATH, true, "The directory of the box."),
        new Setting("token", Setting.Type.SECRET, false, "What opens the box."),
        new Setting("url", Setting.Type.SECRET, false, "Where the box came from."),
        new Setting("label", Setting.Type.TEXT, false, "What stands on the box."),
        new Setting("size", Setting.Type.INTEGER, false, "How many things fit in."),
        new Setting("aired", Setting.Type.DURATION, false, "How long it stays open."),
        new Setting("sealed", Setting.Type.BOOLEAN, false, "Whether it is closed."),
        new Setting("colour", Setting.Type.TEXT, false, "Red or green."),
        new Setting(
            "lid", Setting.Type.WORD, false, "How it is closed.", List.of("hinged", "sliding")),
        new Setting("exclude", Setting.Type.TEXTS, false, "What does not belong in."),
        new Setting("labels", Setting.Type.MAPPING, false, "What stands on which side."));
  }

  @Override
  public Component create(ComponentDefinition definition) {
    String colour = definition.text("colour");
    if (colour != null && !colour.equals("red") && !colour.equals("green")) {
      throw new StetException(
          ErrorCode.CONFIGURATION, "a box is red or green, not \"" + colour + "\"", "Paint it.");
    }
    return new Box(definition);
  }

  record Box(ComponentDefinition definition) implements Component {
    @Override
    public String name() {
      return definition.name();
    }

    @Override
    public String kind() {
      return "box";
    }

    @Override
    public void check(Operation operation) {
      throw new UnsupportedOperationException("a box keeps nothing");
    }

    @Override
    public Captured capture(CaptureContext context) {
      throw new UnsupportedOperationException("a box keeps nothing");
    }

    @Override
    public Target target(Operation operation) {
      throw new UnsupportedOperationException("a box keeps nothing");
    }
  }
}
