  // LEVELS cycles after its inputs, the sum is that of all summands.
  reg signed [BITS-1:0] expected [0:LEVELS-1];
  reg [7:0] age = 8'd0;
  integer i;
  always @(posedge clock) begin
    expected[0] <= total;
    for (i = 1; i < LEVELS; i = i + 1) expected[i] <= expected[i - 1];
    if (age < LEVELS) age <= age + 1;
  end
  always @* if (age == LEVELS) assert ($signed(sum) == expected[LEVELS - 1]);
