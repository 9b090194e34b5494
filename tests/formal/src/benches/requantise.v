  // Every P that the compiler allows: the rounded sum fits 48 signed bits, 1 <= s <= 47.
  wire [5:0] s = places + 6'd1;
  wire signed [63:0] p = $signed(total);
  wire signed [63:0] half = 64'sd1 << places;
  wire signed [63:0] rounded = p + half;
  always @* begin
    assume (places <= 46);
    assume (rounded < 64'sd140737488355328);
    assume ($signed(lo) <= $signed(hi));
  end
  // The formula. Clamps and zero point arrive a cycle after P.
  reg signed [63:0] quotient;
  reg positive_p;
  reg started = 1'b0, running = 1'b0;
  always @(posedge clock) begin
    quotient <= rounded >>> s;
    positive_p <= p > 0;
    started <= 1'b1;
    running <= started;
  end
  wire signed [63:0] moved = quotient + $signed(z_out);
  wire signed [63:0] least = $signed(lo), most = $signed(hi);
  reg [7:0] expected;
  always @(posedge clock) expected <= moved < least ? lo : moved > most ? hi : moved[7:0];
  always @* begin
    if (started) assert (positive == positive_p);
    if (running) assert (value == expected);
  end
