  // The contract: tokens are taken only while they are there, and at most 255 are held.
  reg [11:0] held;
  wire [11:0] next = held + give - (take ? want : 4'd0);
  always @(posedge clock) if (reset) held <= 0; else held <= next;
  always @* begin
    assume (!(take && !ready));
    assume (first || next <= 255);
    if (!first) begin
      assert (held_q == held);
      assert (ready == (held >= want));
      assert (held <= 255); // never below 0: that would be near 4096
    end
  end
