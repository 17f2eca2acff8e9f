package stet.engine.component;

/** One piece of an environment's state. Holds no connection or open file between calls. */
public interface Component {
  /** The name in the configuration, and of the component's directory in a snapshot. */
  String name();

  /** The {@link ComponentKind#key()} of its kind. */
  String kind();

  /**
   * Fails if the component could not be captured now. Changes nothing.
   *
   * @throws stet.engine.StetException naming the object that is missing, unreachable or unreadable
   */
  void check(Operation operation);

  /**
   * Captures the whole component.
   *
   * @throws stet.engine.StetException if anything could not be captured; the backup then ends
   *     without a snapshot
   */
  Captured capture(CaptureContext context);

  /** Opens the place that a restore of this component works on. */
  Target target(Operation operation);
}
